package enforcement

import (
	"fmt"
	"time"
)

// maintenanceWait is when to try again where the owner does not say until when it takes.
const maintenanceWait = time.Minute

// inMaintenance reports whether the stage's owner has switched it off. That is told before the path is looked for and before a key is looked at: it is the
// same for every caller, who learns no more of the stage than that it is there. Pages may ask for all that, so that they can read the reason.
func (t *target) inMaintenance() bool {
	return t.stage != nil && t.stage.broken == "" && t.stage.policies != nil && t.stage.policies.maintenance != nil
}

// reopens is how long the maintenance takes still, as far as its owner said.
func (c *call) reopens() time.Duration {
	if until := c.stage.policies.maintenance.Until; !until.IsZero() && until.UnixNano() > c.at.wall {
		return time.Duration(until.UnixNano() - c.at.wall)
	}
	return maintenanceWait
}

func (c *call) explainMaintenance() string {
	m := c.stage.policies.maintenance
	text := fmt.Sprintf("The stage %s of %s is switched off for maintenance. Nothing was charged.", c.stage.name, c.api.name)
	if !m.Until.IsZero() && m.Until.UnixNano() > c.at.wall {
		text = fmt.Sprintf("The stage %s of %s is switched off for maintenance until %s. Nothing was charged.", c.stage.name, c.api.name, dateTime(m.Until.UnixNano()))
	}
	if m.Message != "" {
		text += " " + m.Message
	}
	return text
}
