/* The one table of what becomes of a record: (its state, whether the status of a Service has the address,
 * whether that Service may keep it) -> what to do. After a crash nobody guesses; see lifecycle.md 1. */
#pragma once

#include <stdbool.h>

/* What the record of the address says of the Service. */
enum record_state {
	RECORD_NONE,      /* there is no record */
	RECORD_OTHER,     /* ours, and names others only */
	RECORD_NAMES,     /* ours, and names the Service */
	RECORD_RELEASING, /* the same, with the mark that all who have it are about to leave */
	RECORD_COOLING,   /* nobody's since it was released */
	RECORD_FOREIGN,   /* of another product */
	RECORD_STATES
};

enum record_action {
	RECORD_NOTHING,   /* as it should be, or not the Service's business */
	RECORD_CREATE,    /* then the status may be written */
	RECORD_JOIN,      /* name the Service, or name it too, then the status may be written */
	RECORD_TAKE_BACK, /* the release is none: take the mark off */
	RECORD_FINISH,    /* half an allocation: write the status with this very address */
	RECORD_MARK,      /* to be released: mark it, then write the status */
	RECORD_STATUS,    /* marked, or without a record: write the status without the address */
	RECORD_GIVE_BACK, /* out of the status: take the Service out of the record, let it cool, or delete it
			   */
	RECORD_GIVE_UP,   /* it is another's: take another address */
	RECORD_ACTIONS
};

/* `in_status`: the API shows the address in the Service's status. `may_keep`: as may_keep() says. */
enum record_action record_action(enum record_state state, bool in_status, bool may_keep);
