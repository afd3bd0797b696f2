package advice

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/credproc/credproc/cmd/internal/doctor"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache/keyring"
)

// aboutShortage is about what a process or the system has run out of, wherever
// that was noticed.
func aboutShortage(err error) (Advice, bool) {
	if safedir.IsFull(err) {
		return Advice{Status: Failed, Kind: report.DiskFull, Text: terminal.ErrorText(err), More: "The disk is full. Nothing is lost."}, true
	}
	return Advice{Status: Failed, Text: terminal.ErrorText(err),
		More: "Nothing is lost. The system, or a limit set for this process (\"ulimit -n\" for open files), allows no more: raise the limit, or end what uses it up, and try again."}, safedir.IsShort(err)
}

// aboutUnsafe is about files and directories that other users could get at.
func (p *Program) aboutUnsafe(err error) (Advice, bool) {
	e, ok := errors.AsType[*safedir.UnsafeError](err)
	if !ok {
		return Advice{}, false
	}
	say := Advice{Status: Misconfigured, Text: terminal.ErrorText(err), Hint: doctor.UnsafeFix(err)}
	if e.Dir {
		say.Status = Failed
	}
	if _, ok := errors.AsType[*keyring.Error](err); ok {
		say.Status = KeyringShut
	}
	switch {
	case e.Problem == safedir.Foreign && !e.Dir:
		say.More = "Another user knows what is in it: make a new file, or make this one yours if you trust that user."
	case e.Dir:
		say.More = terminal.Prosef("Check what is in it first, or set %s to a directory of your own. If this is intended, %s=off allows it.", p.variable("DIR"), p.variable("STRICT_MODES"))
	case e.Problem == safedir.Writable:
		say.More = "Check what is in it first: another user may have written it."
	}
	return say, true
}

// aboutFiles is about directories and disks.
func (p *Program) aboutFiles(err error) (Advice, bool) {
	say := Advice{Status: Failed, Text: terminal.ErrorText(err)}
	_, owner := errors.AsType[*safedir.OwnerError](err)
	_, lock := errors.AsType[*flight.LockError](err)
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	switch {
	case owner:
		say.More = terminal.Prosef("Run it as that user, or set %s to a directory of your own.", p.variable("DIR"))
	case lock || path || link:
		if p.isOwnFile(err) && isOfDir(err) {
			return p.aboutDir(err, say), true
		}
	default:
		return say, false
	}
	return say, true
}

// isOfDir reports whether an error says that a directory cannot be used, or cannot be
// made.
func isOfDir(err error) bool {
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && e.Op == "mkdir" || slices.ContainsFunc([]error{fs.ErrPermission, syscall.EROFS, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG},
		func(reason error) bool { return errors.Is(err, reason) })
}

// aboutDir is about directories of the program's own that cannot be written.
func (p *Program) aboutDir(err error, say Advice) Advice {
	reason := err
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		reason = errno
	}
	if dir := p.ownDirOf(err); dir != "" {
		say.Text = terminal.Prosef("cannot use %s: %v", dir, reason)
	}
	say.Kind, say.More = report.NotWritable, terminal.Prosef("Set %s to a directory that can be written.", p.variable("DIR"))
	return say
}

// ownDirOf is the one of the program's own directories that an error is about.
func (p *Program) ownDirOf(err error) string {
	path := pathIn(err)
	for _, dir := range p.Dirs() {
		if isBelow(path, dir) {
			return dir
		}
	}
	return path
}

func isBelow(path, dir string) bool {
	below, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(below)
}

// pathIn is the file that an error is about, or "".
func pathIn(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Path
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.New
	}
	return ""
}

// isOwnFile reports whether a file that an error is about lies where CREDPROC_DIR
// says: below our directories, or above them, where they are made. Names without a
// directory are those of [safedir.Dir].
func (p *Program) isOwnFile(err error) bool {
	path := pathIn(err)
	if !filepath.IsAbs(path) {
		return true
	}
	return slices.ContainsFunc(p.Dirs(), func(dir string) bool { return isBelow(path, dir) || isBelow(dir, path) })
}

// isDamaged reports whether one of credproc's files is damaged, or far too large.
func isDamaged(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	return path && safedir.IsDamaged(err)
}

// aboutDamaged names the file, which only a person removes: it may be
// another program's.
func aboutDamaged(err error) Advice {
	e, _ := errors.AsType[*fs.PathError](err)
	return Advice{Status: Failed, Text: terminal.Prosef("cannot read %s, one of the program's own files: %v", e.Path, e.Err),
		More: "Move it out of the way. Then sign in again, if you are asked to.",
		Hint: shell.Move(e.Path, e.Path+".damaged")}
}

// aboutCrash is about a fault of this program. It is one line and status 1: the
// runtime's own account, with status 2, shows values, which may be secrets.
func (p *Program) aboutCrash(err error) (Advice, bool) {
	e, ok := errors.AsType[*flight.CrashError](err)
	if !ok {
		return Advice{}, false
	}
	say := Advice{Status: Failed, Kind: report.Crash, Text: terminal.ErrorText(e), More: "This is a fault of the program. Nothing that is stored is lost. Please report it with what --debug prints."}
	if p.Traces {
		say.More = terminal.Lines(e.Stack)
	}
	return say, true
}
