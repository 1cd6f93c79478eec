/* Who we are for the API: a token or a client certificate, fixed, from files that somebody renews, or from
 * a credential plugin that is run when needed. */
#pragma once

#include "io/loop.h"
#include "kube/config.h"

struct credentials;

/* `problem` is NULL if there are credentials now. */
typedef void credentials_fn(const char *problem, void *arg);

/* `config` is borrowed and must live longer. `fn` is called at the end of each credentials_refresh(). */
struct credentials *credentials_new(struct loop *l, const struct kube_config *config, credentials_fn *fn,
				    void *arg);
void credentials_free(struct credentials *c); /* NULL allowed */

/* Whether a request can be sent now. False: call credentials_refresh() and wait. Looks at the files
 * of token and certificate at most once a second, and reads them again when they changed and once a minute.
 */
bool credentials_ready(struct credentials *c);
/* Gets them anew; the end is told through `fn`, never at once. Asking twice is asking once. */
void credentials_refresh(struct credentials *c);
/* Whether asking again could give anything else: false for what was given as a text. */
bool credentials_renewable(const struct credentials *c);

/* Borrowed until the next call of any function here; NULL = none. */
const char *credentials_token(const struct credentials *c);
/* From a plugin or from files that changed; NULL = none, or use the config's. The number changes whenever
 * these do. */
const char *credentials_cert_pem(const struct credentials *c);
const char *credentials_key_pem(const struct credentials *c);
/* This one changes with each success of credentials_refresh() and with
 * each new token or certificate in the files. */
unsigned credentials_generation(const struct credentials *c);
unsigned credentials_cert_generation(const struct credentials *c);
