package audit

import (
	"fmt"
	"time"

	"golang.org/x/sys/windows"
)

// eventID tells the events apart in the log. They do not change.
func eventID(event string) uint32 {
	return map[string]uint32{Answer: 1, Refusal: 2, SignIn: 3, SignOut: 4, Token: 5}[event]
}

// send leaves a line in the Application log. root is for other systems.
func send(sink, _ string, e *entry) error {
	return inTime(sink, func() error { return report(e) })
}

// inTime gives the event log up after sinkTime: its service may not answer, and has no
// deadline.
func inTime(sink string, do func() error) error {
	if sink != EventLog {
		return fmt.Errorf("this system has no %s", sink)
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(sinkTime):
		err = errSlow
	}
	if err != nil {
		return fmt.Errorf("the event log: %w", err)
	}
	return nil
}

// report needs no source in the registry: without one the log shows the text after a
// note that it has no description.
//
// https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-reporteventw
func report(e *entry) error {
	return withSource(e.name, func(log windows.Handle) error {
		text, err := windows.UTF16PtrFromString(string(e.text))
		if err != nil {
			return err
		}
		kind := uint16(windows.EVENTLOG_INFORMATION_TYPE)
		if e.refusal() {
			kind = windows.EVENTLOG_WARNING_TYPE
		}
		return windows.ReportEvent(log, kind, 0, eventID(e.Event), 0, 1, 0, &text, nil)
	})
}

func withSource(name string, use func(windows.Handle) error) error {
	source, err := windows.UTF16PtrFromString(tag(name))
	if err != nil {
		return err
	}
	log, err := windows.RegisterEventSource(nil, source)
	if err != nil {
		return err
	}
	defer windows.DeregisterEventSource(log)
	return use(log)
}

// reach reports what keeps the event log from being reached.
func reach(sink, _ string) error {
	return inTime(sink, func() error {
		return withSource("credproc", func(windows.Handle) error { return nil })
	})
}
