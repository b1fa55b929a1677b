/*
 * Named places at which a test stops a process and kills it, to see that nobody else misses anything. The product has
 * none of them: they exist only in the build with TOSEC_POINTS (tests/points.c).
 */
#ifndef TOSEC_POINTS_H
#define TOSEC_POINTS_H

#ifdef TOSEC_POINTS
void point(const char *name);
#define POINT(name) point(name)
#else
#define POINT(name) ((void)0)
#endif

#endif
