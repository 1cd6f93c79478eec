/* Host names to addresses, as libcurl and libevent ask the C library for them. */
#pragma once

/* The C library loads a module for each way to look names up that /etc/nsswitch.conf names, which a program
 * without a dynamic linker cannot do well: it needs the very same C library's modules. From here on such a
 * program looks into /etc/hosts and asks the servers of /etc/resolv.conf, for which no module is needed.
 * Others do as they are configured. Before the first name is looked up. */
void names_init(void);
