// Package ospath joins and splits paths of files, as [path/filepath] does it.
//
// That package is among the last that Go initializes, and whatever imports it waits
// for the tables of many others. A process command that is answered from what is
// stored has ended by then, so this package does without them where it can.
package ospath
