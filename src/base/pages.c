#include "base/pages.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that nobody may write to, and that relocation did not write to either. */
static int give_back(struct dl_phdr_info *object, size_t size, void *arg)
{
	(void)size;
	uintptr_t page = *(const uintptr_t *)arg;
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC) {
			const ElfW(Dyn) *d = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
			for (; d->d_tag != DT_NULL; d++)
				if (d->d_tag == DT_TEXTREL ||
				    (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
					return 0;
		}
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || (p->p_flags & PF_W))
			continue;
		uintptr_t from = (object->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t to = (object->dlpi_addr + p->p_vaddr + p->p_filesz + page - 1) & ~(page - 1);
		(void)madvise((void *)from, to - from, MADV_DONTNEED); /* refused where memory is locked */
	}
	return 0;
}

void pages_give_back(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	(void)dl_iterate_phdr(give_back, &page);
}
