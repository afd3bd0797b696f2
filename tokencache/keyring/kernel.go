package keyring

// kernelKeyring is the Linux kernel's keyring of the user: never on a disk, and gone
// with a reboot, or three days after its last use. It is for machines without
// a keychain. A user has 20,000 bytes there. Other systems have none, which is
// [ErrUnavailable]. The zero Kernel is ready to use.
type kernelKeyring struct {
	// Service is the name that items are filed under. "" means credproc.
	Service string
}

var _ Keyring = (*kernelKeyring)(nil)

// Name returns "kernel".
func (*kernelKeyring) Name() string { return "kernel" }
