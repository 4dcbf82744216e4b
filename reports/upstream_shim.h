/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exported tests use of kvm-unit-tests, declared as x86/vmx.h, x86/vmx_tests.c, x86/svm.h and lib/libcflat.h have
 * it at commit 1da1819e49fc (June 2026), so that a C compiler can check what we write without them. Nothing here does
 * anything.
 */
#include <stdbool.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

bool report(bool pass, const char* msg_fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));

#ifdef SHIM_VMX
enum Encoding { VMX_INST_ERROR = 0x4400, EXI_QUALIFICATION = 0x6400, GUEST_RFLAGS = 0x6820 };
union exit_reason {
  struct {
    u32 basic : 16, reserved : 15, failed_vmentry : 1;
  };
  u32 full;
};
struct vmentry_result {
  const char* instr;
  bool vmlaunch, vm_fail, entered;
  union exit_reason exit_reason;
  unsigned long flags;
};
typedef void (*test_guest_func)(void);
void test_set_guest(test_guest_func func);
void __enter_guest(u8 abort_flag, struct vmentry_result* result);
u64 vmcs_read(enum Encoding enc);
int vmcs_write(enum Encoding enc, u64 val);
void vmcall(void);
#else
#define SVM_EXIT_ERR -1ull
struct svm_test;
struct vmcb;
extern struct vmcb* vmcb;
typedef void (*test_guest_func)(struct svm_test*);
void test_set_guest(test_guest_func func);
u64 svm_vmrun(void);
void vmmcall(void);
#endif
