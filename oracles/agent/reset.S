// SPDX-License-Identifier: Apache-2.0
// From the reset vector to long mode with no firmware: marks RAM, builds the host page tables, copies the agent to RAM.
#include "oracles/agent/layout.h"

    .section .reset, "ax"
reset_page:
    .code16
reset:
    cli
    cld
    // CS base is 0xffff0000 here, so the operand is addressed through CS with its low 16 bits.
    lgdtl %cs:(boot_gdtr - reset_page + 0xf000)
    mov %cr0, %eax
    and $0x9fffffff, %eax               // CD and NW are set at reset
    or $1, %eax
    mov %eax, %cr0
    ljmpl $AGENT_CODE, $protected

    .code32
protected:
    mov $AGENT_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    inb $0x92, %al                      // A20, for machines that gate it
    or $2, %al
    and $0xfe, %al
    outb %al, $0x92
    mov $0xff, %al                      // no external interrupts, whatever RFLAGS.IF a guest has
    outb %al, $0x21
    outb %al, $0xa1

    // Ascending, because emulators that allocate RAM on first touch then keep it in one piece.
    xor %ebx, %ebx
1:  cmp $0xa0000, %ebx
    jb 2f
    cmp $0x100000, %ebx
    jb 3f
2:  mov %ebx, %eax
    shr $17, %eax
    or $0x64760000, %eax                // kBlockMark
    mov %eax, 0x1fff8(%ebx)
    movl $0x6d61726b, 0x1fffc(%ebx)
3:  add $0x20000, %ebx
    cmp $0x4000000, %ebx
    jb 1b

    mov $AGENT_PAGE_TABLES, %edi
    xor %eax, %eax
    mov $(0x6000 / 4), %ecx
    rep stosl
    movl $(AGENT_PAGE_TABLES + 0x1027), AGENT_PAGE_TABLES
    movl $(AGENT_PAGE_TABLES + 0x2027), AGENT_PAGE_TABLES + 0x1000
    movl $(AGENT_PAGE_TABLES + 0x3023), AGENT_PAGE_TABLES + 0x1008
    movl $(AGENT_PAGE_TABLES + 0x4023), AGENT_PAGE_TABLES + 0x1010
    movl $(AGENT_PAGE_TABLES + 0x5023), AGENT_PAGE_TABLES + 0x1018
    mov $(AGENT_PAGE_TABLES + 0x2000), %edi
    mov $0xe3, %eax                     // present, writable, accessed, dirty, 2 MiB
4:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 4b
    orl $4, AGENT_PAGE_TABLES + 0x2000 + (AGENT_USER_CODE >> 21) * 8

    mov $0xfffe0000, %esi
    mov $AGENT_IMAGE, %edi
    mov $(AGENT_IMAGE_BYTES / 4), %ecx
    rep movsl

    mov $AGENT_PAGE_TABLES, %eax
    mov %eax, %cr3
    mov $0x620, %eax                    // PAE, OSFXSR, OSXMMEXCPT
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax                     // SCE, LME, NXE
    wrmsr
    mov %cr0, %eax
    and $0xfffffffb, %eax               // not EM
    or $0x80010022, %eax                // PG, WP, NE, MP
    mov %eax, %cr0
    ljmpl $0x18, $AGENT_IMAGE           // the boot GDT's 64-bit code

    .align 16
boot_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00af9b000000ffff
boot_gdtr:
    .word 31
    .long boot_gdt

    .org 0xff0
    .code16
    .globl reset_vector
reset_vector:
    jmp reset
    .org 0x1000
    .section .note.GNU-stack, "", @progbits
