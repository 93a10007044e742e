/* Answers what rocminfo asks the system before it asks HSA anything: whether AMD's kernel driver is loaded (by `lsmod`),
   and whether its device file opens. Nothing else that it does goes through here. To be preloaded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

FILE *popen(const char *command, const char *type) {
    FILE *(*real)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "popen");
    return real(strcmp(command, "lsmod | grep amdgpu") == 0 ? "echo amdgpu" : command, type);
}

int open(const char *path, int flags, ...) {
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    va_list rest;
    va_start(rest, flags);
    int mode = (flags & O_CREAT) ? va_arg(rest, int) : 0;
    va_end(rest);
    return real(strcmp(path, "/dev/kfd") == 0 ? "/dev/null" : path, flags, mode);
}
