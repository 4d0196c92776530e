package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/configfile"
	"github.com/longshore-project/longshore/scheduler/journal"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// configuration returns what the configuration file says or, without a file, a profile of the plugins and with the name of the flags. The error
// names everything that is wrong with the file.
func (o *options) configuration(r *profile.Registry) (*schedulerv1alpha1.SchedulerConfiguration, error) {
	if o.config == "" {
		plugins, err := r.Choose(o.plugins)
		if err != nil {
			return nil, fmt.Errorf("--plugins: %w", err)
		}
		c := &schedulerv1alpha1.SchedulerConfiguration{Profiles: []schedulerv1alpha1.SchedulerProfile{{SchedulerName: o.schedulerName, Plugins: plugins, Estimators: o.estimator.section()}}}
		schedulerv1alpha1.SetDefaults(c)
		return c, nil
	}
	text, err := os.ReadFile(o.config)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	o.configText = text
	return configfile.Parse(o.config, text, r)
}

// build returns the profiles of a configuration that was checked.
func (o *options) build(c *schedulerv1alpha1.SchedulerConfiguration, r *profile.Registry, externals profile.Externals) ([]profile.Profile, error) {
	profiles, faults := profile.Build(c, r, externals)
	return o.adjust(profiles), faults.ToAggregate()
}

// adjust applies the flags that concern every profile.
func (o *options) adjust(profiles []profile.Profile) []profile.Profile {
	for i := range profiles {
		profiles[i].Pipeline.KeepEmpty = o.keepEmpty
		if shadow := profiles[i].Shadow; shadow != nil {
			shadow.Pipeline.KeepEmpty = o.keepEmpty
		}
	}
	return profiles
}

// answers reports whether the flags ask for an answer instead of for scheduling.
func (o *options) answers() bool { return o.validateOnly || o.printProfile }

// answer prints what the flags ask for.
func (o *options) answer(c *schedulerv1alpha1.SchedulerConfiguration, r *profile.Registry, out io.Writer) error {
	profiles, err := o.build(c, r, profile.NotStarted)
	if err != nil {
		return err
	}
	showEstimators(c, profiles)
	if o.printProfile {
		for i := range profiles {
			if i > 0 {
				fmt.Fprintln(out)
			}
			if err := profiles[i].Print(out); err != nil {
				return fmt.Errorf("printing profile %s: %w", profiles[i].SchedulerName, err)
			}
		}
	}
	if o.validateOnly {
		fmt.Fprintf(out, "%s is valid\n", cmp.Or(o.config, "the command line"))
	}
	return nil
}

// toLoop adds to each profile a recorder of its events, its shadow, and the journal of decisions.
func toLoop(profiles []profile.Profile, r *recorders, s shadowSet, j *journal.Journal) ([]loop.Profile, error) {
	var out []loop.Profile
	for _, p := range profiles {
		recorder, err := r.of(p.SchedulerName)
		if err != nil {
			return nil, err
		}
		out = append(out, loop.Profile{
			SchedulerName: p.SchedulerName, Pipeline: p.Pipeline, IgnoresReservations: !p.Reservations, Recorder: recorder,
			Observer: observers{j.Of(p.SchedulerName), s.observer(p.SchedulerName)},
		})
	}
	return out, nil
}
