package main

import (
	"context"
	"errors"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// readDocuments reads the documents that an earlier version left, whose readings had another form, one after the other, while pages are served: until
// then, references list operations by verb and path. One that cannot be read any more stays as it is.
func (in *instance) readDocuments(ctx context.Context) error {
	if err := in.readUnread(ctx); err != nil && ctx.Err() == nil {
		in.log.Error("read documents of an earlier version; it is tried again at the next start", "error", err)
	}
	return nil
}

func (in *instance) readUnread(ctx context.Context) error {
	reader := in.documents
	for last := models.DocumentID(0); ; {
		id, err := in.store.UnreadDocument(ctx, last)
		if err != nil || id == 0 {
			return err
		}
		last = id
		document, err := in.store.DocumentText(ctx, id)
		if err != nil {
			return err
		}
		reading, err := reader.Read(ctx, document)
		if refused := (*openapi.ReadError)(nil); errors.As(err, &refused) {
			in.log.Warn("a document of an earlier version cannot be read", "document", id, "reason", refused.Error())
			continue
		}
		if err != nil {
			return err
		}
		if err := in.store.KeepReading(ctx, id, reading.Pack, in.now()); err != nil {
			return err
		}
		in.log.Info("read a document of an earlier version", "document", id)
	}
}
