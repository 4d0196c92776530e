package loop

// Returned is to be called when a plugin of the profile answers again: what could not be decided without it is decided at once. It takes no lock on
// the profiles.
func (l *Loop) Returned(schedulerName, plugin string) {
	l.woke(l.queue.Resume(lackOf(schedulerName, plugin)))
}

// lackedBy returns what a decision of the profile lacked that failed with that error, as the queue is told.
func (l *Loop) lackedBy(p *Profile, err error) string {
	if l.options.Absent == nil {
		return ""
	}
	if plugin := l.options.Absent(err); plugin != "" {
		return lackOf(p.SchedulerName, plugin)
	}
	return ""
}

// lackOf tells plugins of the same name in different profiles apart: each has its own process.
func lackOf(schedulerName, plugin string) string { return schedulerName + "/" + plugin }
