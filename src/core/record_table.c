#include "core/record_table.h"

/* clang-format off */
static const unsigned char table[RECORD_STATES][2][2] = {
	/*                      not in the status                 in the status
	 *                      may not keep    may keep          may not keep    may keep */
	[RECORD_NONE]      = { { RECORD_NOTHING,   RECORD_CREATE    }, { RECORD_STATUS,  RECORD_CREATE    } },
	[RECORD_OTHER]     = { { RECORD_NOTHING,   RECORD_JOIN      }, { RECORD_STATUS,  RECORD_JOIN      } },
	[RECORD_NAMES]     = { { RECORD_GIVE_BACK, RECORD_FINISH    }, { RECORD_MARK,    RECORD_NOTHING   } },
	[RECORD_RELEASING] = { { RECORD_GIVE_BACK, RECORD_TAKE_BACK }, { RECORD_STATUS,  RECORD_TAKE_BACK } },
	[RECORD_COOLING]   = { { RECORD_NOTHING,   RECORD_JOIN      }, { RECORD_STATUS,  RECORD_JOIN      } },
	[RECORD_FOREIGN]   = { { RECORD_NOTHING,   RECORD_GIVE_UP   }, { RECORD_STATUS,  RECORD_GIVE_UP   } },
};
/* clang-format on */

enum record_action record_action(enum record_state state, bool in_status, bool may_keep)
{
	return (enum record_action)table[state][in_status][may_keep];
}
