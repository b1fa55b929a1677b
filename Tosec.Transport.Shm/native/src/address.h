#ifndef TOSEC_ADDRESS_H
#define TOSEC_ADDRESS_H

#include "../include/tosec_layout.h"

#include <sys/socket.h>

/* family: 4 or 6, of the socket. 0 or negative errno. */
int address_from_kernel(uint32_t family, const struct sockaddr *from, socklen_t length, struct tosec_address *to);
/* As the kernel does: fills what there is room for and says the true length. */
void address_to_kernel(uint32_t family, const struct tosec_address *from, struct sockaddr *to, socklen_t *length);

#endif
