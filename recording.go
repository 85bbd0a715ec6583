package main

import (
	"context"
	"path/filepath"

	"gatehouse/enforcement/meter"
	"gatehouse/enforcement/recording"
	"gatehouse/handlers"
)

// openRecording opens what keeps arrivals for rehearsals of plans. They help people, and no limit needs them: where it cannot be had, everything else is
// served, the log says so, and the pages of rehearsals too.
func (in *instance) openRecording(ctx context.Context) {
	if in.config.recording == 0 {
		in.rehearsals = handlers.NoRehearsals("Changes cannot be rehearsed here: this installation does not record what arrives.")
		return
	}
	var err error
	if in.recorder, err = in.openRecorder(ctx); err != nil {
		in.log.Error("serving without a recording of arrivals: rehearsals of plans will miss them", "error", err)
		in.rehearsals = handlers.NoRehearsals("Changes cannot be rehearsed: what arrives cannot be recorded. The operator finds the reason in the log.")
		return
	}
	in.rehearsals = handlers.NewRehearsals(in.recorder, in.now, in.log)
	in.rehearsals.Overrides = in.store.PlanOverrides
}

func (in *instance) openRecorder(ctx context.Context) (*recording.Recorder, error) {
	committed, err := in.store.CommittedPosition(ctx)
	if err != nil {
		return nil, err
	}
	return recording.Open(filepath.Join(in.config.data, recordingFolder), recording.Config{Size: int64(in.config.recording), Committed: committed, Now: in.now, Log: in.log})
}

// arrivals is what the gateway tells of arrivals; nil: nobody wants to know.
func (in *instance) arrivals() meter.Recorder {
	if in.recorder == nil {
		return nil
	}
	return in.recorder
}
