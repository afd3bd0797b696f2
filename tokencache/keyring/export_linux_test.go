package keyring

// Every is everyKeyring for tests that stand outside of the package, as the
// check of its contract does.
var Every = everyKeyring
