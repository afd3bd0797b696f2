package environ

import (
	"bytes"
	"encoding/binary"
)

// afterArguments returns the environment in what macOS tells of a process: the number
// of its arguments, its path, zeros, the arguments and the variables, each with a zero
// after it. The last variable is before an empty one.
//
// https://github.com/apple-oss-distributions/xnu/blob/main/bsd/kern/kern_sysctl.c
func afterArguments(text []byte) (env []string) {
	if len(text) < 4 {
		return nil
	}
	arguments := int(int32(binary.LittleEndian.Uint32(text)))
	_, rest, _ := bytes.Cut(text[4:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	for ; arguments > 0 && len(rest) > 0; arguments-- {
		_, rest, _ = bytes.Cut(rest, []byte{0})
	}
	for len(rest) > 0 {
		var v []byte
		if v, rest, _ = bytes.Cut(rest, []byte{0}); len(v) == 0 {
			break
		}
		env = append(env, string(v))
	}
	return env
}
