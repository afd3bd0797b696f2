//go:build !linux

package main

import "errors"

func becomeWithout(string) error { return errors.New("only Linux has persistent keyrings") }
