// Package notify delivers notices: as e-mail by SMTP, and to webhooks by HTTP, signed by the Standard Webhooks specification.
//
//	worker := notify.New(notify.Config{Store: s, Mail: notify.NewSMTP(server), Write: mails.Write, Dial: policy.DialContext})
//	go worker.Run(ctx) // until ctx ends
//
// One table is the queue of both. A worker claims a message for as long as a try may take, tries, and notes what came of it; what a process was at that ended is
// free again at the next start. So a message is delivered at least once: who gets one twice, because a process ended between the answer of a server and the
// note of it, knows it by its Message-ID or webhook-id, which every try has in common. Nobody else claims a message meanwhile.
//
// What a server refuses for now is tried again, with growing waits: a mail for three days and more, a webhook for a day and a half. A webhook at whose address nothing was taken
// for three days is disabled, and its owner is told.
//
// The package never imports the store, pages or the gateway: it declares what it calls.
package notify
