/* The answer of a credential plugin: it gives something to identify with, or an error that says why not. */
#include "base/mem.h"
#include "kube/exec_credential.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(exec_credential_done) struct exec_credential c = { 0 };
	struct err e = { 0 };
	struct slice text = { (const char *)data, size };
	if (exec_credential_parse(text, "client.authentication.k8s.io/v1", &c, &e) < 0) {
		assert(e.msg[0] && !c.token && !c.cert_pem && !c.key_pem);
		return 0;
	}
	assert((c.token && c.token[0]) || c.cert_pem);
	assert(!c.cert_pem == !c.key_pem);
	return 0;
}
