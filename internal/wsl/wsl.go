// Package wsl finds Windows from a Linux that runs in the Windows Subsystem for
// Linux: whether there is one, and where its programs are.
//
// See https://learn.microsoft.com/en-us/windows/wsl/filesystems and
// https://learn.microsoft.com/en-us/windows/wsl/wsl-config.
package wsl

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A System is the one that the program runs on. The zero System is that of this
// process.
type System struct {
	Getenv func(string) string // nil: os.Getenv
	Root   string              // of its files; "" is /
}

// IsWSL reports whether Windows is around it. The environment says so in a
// terminal, and the kernel's release also where there is none, as under cron.
func (s System) IsWSL() bool {
	if runtime.GOOS != "linux" {
		return false
	}
	if s.getenv("WSL_DISTRO_NAME") != "" || s.getenv("WSL_INTEROP") != "" {
		return true
	}
	release, _ := os.ReadFile(s.at("/proc/sys/kernel/osrelease"))
	return strings.Contains(strings.ToLower(string(release)), "microsoft")
}

// Program returns the path of a program that is part of Windows, such as
// "rundll32.exe", or "". It looks in PATH, which need not have the directories of
// Windows (appendWindowsPath), and then on the drives of Windows.
func (s System) Program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	mounts := s.at(s.mounts())
	for _, drive := range "cdefghijklmnopqrstuvwxyzab" {
		path := filepath.Join(mounts, string(drive), "Windows", "System32", name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// mounts is where the drives of Windows are: /mnt, unless /etc/wsl.conf says
// otherwise.
func (s System) mounts() string {
	root, section := "/mnt", ""
	data, _ := os.ReadFile(s.at("/etc/wsl.conf"))
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.ToLower(strings.TrimSpace(strings.Trim(line, "[]")))
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if section == "automount" && strings.EqualFold(strings.TrimSpace(key), "root") && filepath.IsAbs(value) {
			root = value
		}
	}
	return root
}

func (s System) at(path string) string { return filepath.Join(s.Root, path) }

func (s System) getenv(name string) string {
	if s.Getenv != nil {
		return s.Getenv(name)
	}
	return os.Getenv(name)
}
