package safedir

// Few has nothing to look at: Windows has no such limit.
func Few() error { return nil }
