/* Options of TCP sockets. */
#pragma once

/* A peer that is gone without a word is found within half a minute, whether we have something to send or
 * only listen; and the descriptor does not leak into child processes. */
void tcp_tune(int fd);

/* Ends the connection at once with a reset: what the kernel has not sent yet never leaves. The descriptor
 * stays open; writing to it fails from now on. */
void tcp_abort(int fd);
