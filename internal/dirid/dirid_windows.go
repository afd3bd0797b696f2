package dirid

import (
	"io/fs"
	"os"
)

// number has nothing to return: a file's number is not among what Windows says
// of a path. [os.SameFile] opens both.
func number(fs.FileInfo) (device, inode uint64) { return 0, 0 }

func quickRead(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return data
}
