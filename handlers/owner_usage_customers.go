package handlers

import (
	"net/url"
	"strings"

	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

const (
	ownerUsageCustomersPath = "/owner/usage/customers"
	customersInMenu         = 8
	customersFound          = 50
)

// Customers finds the customer whose usage is to be looked at: ?find= is the beginning of a name, an e-mail address or a reference. All other parameters are those of
// the page of usage, and stay. It answers with a page, or with the list alone.
func (o *OwnerUsage) Customers(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	limit := customersFound
	if r.Fragment() {
		limit = customersInMenu
	}
	v, err := o.findCustomers(r, q, limit)
	if err != nil {
		return Reply{}, err
	}
	if r.Fragment() {
		return Page(owner.CustomersFound(v)), nil
	}
	return Page(owner.UsageCustomers(r.layout("Usage of a customer", ui.Crumb{Label: "Usage", Href: q.span.with(ownerUsagePath, q.filters)}, ui.Crumb{}), v)), nil
}

// customerMenu is the menu of the page of usage: a search, and the busiest before one has typed.
func (o *OwnerUsage) customerMenu(r *Request, q usageQuestion) (owner.UsageCustomersView, error) {
	return o.findCustomers(r, q, customersInMenu)
}

func (o *OwnerUsage) findCustomers(r *Request, q usageQuestion, limit int) (v owner.UsageCustomersView, err error) {
	rest := without(q.filters, "customer")
	v = owner.UsageCustomersView{Action: ownerUsageCustomersPath, Find: strings.TrimSpace(r.Query("find")), FindHref: q.span.with(ownerUsageCustomersPath, q.filters), AllHref: q.span.with(ownerUsagePath, rest), Label: "All customers"}
	for name, values := range merged(q.filters, q.span.query()) {
		v.Hidden = append(v.Hidden, ui.Pair{Name: name, Value: values[0]})
	}
	sortPairs(v.Hidden)
	found, err := o.Store.FindConsumers(r.Context(), r.Account.ID, v.Find, limit)
	if err != nil {
		return v, err
	}
	for _, c := range found {
		v.Rows = append(v.Rows, owner.UsageCustomer{Name: consumerName(c), Detail: c.Email, Current: c.ID == q.customer, Href: q.span.with(ownerUsagePath, merged(rest, url.Values{"customer": {c.ID.String()}}))})
	}
	if v.More = len(found) == limit; q.customer != 0 {
		c, err := o.Store.Consumer(r.Context(), r.Account.ID, q.customer)
		if err != nil {
			return v, err
		}
		v.Label = consumerName(c)
	}
	return v, nil
}
