package ospath

import (
	"strings"
	"syscall"
)

// Join is like [path/filepath.Join].
func Join(elements ...string) string {
	joined := ""
	for _, e := range elements {
		switch {
		case joined == "":
		case isSeparator(joined[len(joined)-1]):
			e = strings.TrimLeft(e, `\/`) // or two would start the name of a host
			if joined == `\` && isNT(`\`+e) || joined == "/" && isNT(`\`+e) {
				joined += `.\`
			}
		case joined[len(joined)-1] != ':': // what follows a drive is in its current directory
			joined += `\` + e
			continue
		}
		joined += e
	}
	if joined == "" {
		return ""
	}
	return clean(joined)
}

// Dir is like [path/filepath.Dir].
func Dir(file string) string {
	from := volume(file)
	end := len(file)
	for end > from && !isSeparator(file[end-1]) {
		end--
	}
	drive, dir := strings.ReplaceAll(file[:from], "/", `\`), clean(file[from:end])
	if dir == "." && from > 2 { // a host and what it shares are a directory
		return drive
	}
	return drive + dir
}

// Base is like [path/filepath.Base].
func Base(file string) string {
	if file == "" {
		return "."
	}
	file = strings.TrimRight(file, `\/`)
	file = file[min(volume(file), len(file)):]
	file = file[strings.LastIndexAny(file, `\/`)+1:]
	if file == "" {
		return `\`
	}
	return file
}

// IsAbs is like [path/filepath.IsAbs].
func IsAbs(file string) bool {
	n := volume(file)
	return n > 0 && (isSeparator(file[0]) && isSeparator(file[1]) || n < len(file) && isSeparator(file[n]))
}

// Abs is like [path/filepath.Abs].
func Abs(file string) (string, error) {
	if file == "" {
		file = "."
	}
	full, err := syscall.FullPath(file)
	if err != nil {
		return "", err
	}
	return clean(full), nil
}

// clean is like [path/filepath.Clean].
func clean(file string) string {
	n := volume(file)
	if isClean(file[n:]) && n == 2 {
		return file
	}
	drive, rest := strings.ReplaceAll(file[:n], "/", `\`), file[n:]
	if rest == "" && n > 1 && isSeparator(file[0]) && isSeparator(file[1]) {
		return drive
	} else if rest == "" {
		return file + "."
	}
	rooted := isSeparator(rest[0])
	var kept []string
	for _, name := range strings.FieldsFunc(rest, func(r rune) bool { return r == '\\' || r == '/' }) {
		last := len(kept) - 1
		switch {
		case name == ".":
		case name == ".." && last >= 0 && kept[last] != "..":
			kept = kept[:last]
		case name == ".." && rooted: // of the root is the root
		default:
			kept = append(kept, name)
		}
	}
	cleaned := strings.Join(kept, `\`)
	if rooted {
		cleaned = `\` + cleaned
	} else if cleaned == "" {
		cleaned = "."
	}
	changed := n == 0 && !strings.HasPrefix(rest, cleaned)
	switch {
	case changed && strings.HasPrefix(cleaned, `\??`): // a name of the NT kernel
		cleaned = `\.` + cleaned
	case changed && len(kept) > 0 && !rooted && strings.Contains(kept[0], ":"): // "./c:" is no drive
		cleaned = `.\` + cleaned
	}
	return drive + cleaned
}

// isClean reports whether what follows a drive is rooted, and written as Windows
// writes it: nearly all paths are.
func isClean(rest string) bool {
	if len(rest) < 2 || rest[0] != '\\' || rest[len(rest)-1] == '\\' || strings.Contains(rest, "/") {
		return false
	}
	for name := range strings.SplitSeq(rest[1:], `\`) {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	return true
}

// volume returns the length of what a path starts with that is no directory of a
// file system: a drive, a host and what it shares, or the name of a device.
//
// See https://learn.microsoft.com/en-us/dotnet/standard/io/file-path-formats.
func volume(file string) int {
	switch {
	case len(file) >= 2 && file[1] == ':':
		return 2
	case len(file) == 0 || !isSeparator(file[0]):
		return 0
	case len(file) > 7 && isDevice(file) && file[2] == '.' && strings.EqualFold(file[4:7], "UNC") && isSeparator(file[7]):
		return names(file, 8, 2)
	case len(file) > 3 && (isDevice(file) || isNT(file)):
		return names(file, 4, 1)
	case len(file) == 3 && (isDevice(file) || isNT(file)):
		return 3
	case len(file) >= 2 && isSeparator(file[1]):
		return names(file, 2, 2)
	}
	return 0
}

// names returns where so many names from an offset on end.
func names(file string, from, count int) int {
	for i := from; i < len(file); i++ {
		if isSeparator(file[i]) {
			if count--; count == 0 {
				return i
			}
		}
	}
	return len(file)
}

// isDevice reports whether a path starts with `\\.` or `\\?`, as a whole name.
func isDevice(file string) bool {
	return len(file) >= 3 && isSeparator(file[1]) && (file[2] == '.' || file[2] == '?') && (len(file) == 3 || isSeparator(file[3]))
}

// isNT reports whether a path starts with `\??`, as a whole name.
func isNT(file string) bool {
	return len(file) >= 3 && isSeparator(file[0]) && file[1] == '?' && file[2] == '?' && (len(file) == 3 || isSeparator(file[3]))
}

func isSeparator(b byte) bool { return b == '\\' || b == '/' }
