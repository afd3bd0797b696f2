package macos

// SecurityTool is the path of the tool that reads and writes keychains.
func SecurityTool() string { return "/usr/bin/security" }
