/* A kubeconfig: it gives a server that can be talked to, or an error that names the file. */
#include "kube/config.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct kube_config *c = NULL;
	if (kube_config_parse((struct slice){ (const char *)data, size }, "/nowhere/config", NULL, &c, &e) <
	    0) {
		assert(!c && strncmp(e.msg, "/nowhere/config: ", 17) == 0);
		return 0;
	}
	size_t n = strlen(c->server);
	assert(n > 7 && c->server[n - 1] != '/' && strncasecmp(c->server, "http", 4) == 0);
	assert(!c->client_cert_pem == !c->client_key_pem);
	assert(!c->exec || (c->exec->argv[0] && c->exec->api_version));
	kube_config_free(c);
	return 0;
}
