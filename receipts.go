package main

import (
	"path/filepath"

	"gatehouse/enforcement/receipt"
	"gatehouse/models"
)

// openReceipts opens what the gateway says in why it let single requests pass or not. They help people, and no limit needs them: where the file
// cannot be had, as on a full disk, everything else is served, and this is said in the log, by /readyz and by a metric.
func (in *instance) openReceipts() {
	if in.config.receipts == 0 {
		return
	}
	ring, err := receipt.Open(receipt.Config{Path: filepath.Join(in.config.data, receiptsFile), Size: int64(in.config.receipts), Log: in.log, Now: in.now()})
	if err != nil {
		in.withoutReceipts = err
		in.log.Error("serving without receipts of requests", "error", err)
		return
	}
	in.receipts = ring
}

// keptReceipts are the receipts for pages; nil: none are kept.
func (in *instance) keptReceipts() models.Receipts {
	if in.receipts == nil {
		return nil
	}
	return in.receipts
}
