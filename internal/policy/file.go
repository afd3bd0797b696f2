package policy

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/credproc/credproc/internal/ospath"
	"github.com/credproc/credproc/internal/safedir"
)

// mostText is more than a policy has, in bytes.
const mostText = 1 << 20

// read returns the text of a policy; nil: there is none. The directory is looked
// at first: where it is missing, which is usual, that is all.
func (p Place) read(name string) (path string, text []byte, err error) {
	dir, err := p.dir(name)
	var info fs.FileInfo
	if err == nil {
		info, err = os.Lstat(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	path = ospath.Join(dir, "policy.ini")
	wrong := func(problem string) (string, []byte, error) {
		return "", nil, &FileError{Path: path, Problem: problem}
	}
	if err != nil {
		return wrong("it cannot be looked for: " + err.Error())
	}
	if problem := p.distrust(dir, info, fs.ModeDir, "a directory"); problem != "" {
		return wrong("its directory " + problem)
	}
	// What a link leads to does not matter: Lstat, below, sees one where this follows it.
	f, err := os.OpenFile(path, os.O_RDONLY|noBlock|noFollow, 0)
	if err != nil {
		return p.unopened(path, err)
	}
	defer f.Close()
	text, problem := p.readFrom(path, f)
	if problem != "" {
		return wrong(problem)
	}
	return path, text, nil
}

// unopened says why a policy is none that can be read, or that there is none.
func (p Place) unopened(path string, cause error) (string, []byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, nil
	case safedir.IsShort(cause):
		return "", nil, cause // which is not about the file
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		return "", nil, &FileError{Path: path, Problem: "it is a symbolic link"}
	}
	return "", nil, &FileError{Path: path, Problem: "it cannot be opened: " + cause.Error()}
}

func (p Place) readFrom(path string, f *os.File) (text []byte, problem string) {
	info, err := f.Stat()
	if err == nil && noFollow == 0 {
		info, err = os.Lstat(path)
	}
	if err != nil {
		return nil, "it cannot be read: " + err.Error()
	}
	if problem := p.distrust(path, info, 0, "a regular file"); problem != "" {
		return nil, "it " + problem
	}
	if info.Size() > mostText {
		return nil, "it is larger than 1 MB"
	}
	// A byte more than it has shows that it grew: then it is another one.
	text = make([]byte, info.Size()+1)
	n, err := f.Read(text)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, "it cannot be read: " + err.Error()
	case int64(n) != info.Size():
		return nil, "it changed while it was read"
	}
	return text[:n], ""
}
