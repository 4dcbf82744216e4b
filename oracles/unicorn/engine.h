// SPDX-License-Identifier: Apache-2.0
// One Unicorn CPU with the guest's RAM that runs cases one after the other and leaves nothing of one to the next. Lives
// in a process that may die of a case.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/wire.h"
#include "harness/base/result.h"
#include "oracles/unicorn/context.h"
#include "oracles/unicorn/guest_ram.h"
#include "oracles/unicorn/limits.h"
#include "oracles/unicorn/linear_map.h"

namespace diffvisor::unicorn {

class Engine {
 public:
  // An error if the library is not laid out as context.h says.
  static Result<std::unique_ptr<Engine>> open();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void run(const insn::WireCase& c, insn::WireResult& out);
  // Between two cases that do not page nothing has to be flushed: they go faster in a row.
  static bool is_paged(const insn::WireCase& c) { return c.v[insn::Cr0] >> insn::cr0::PG & 1; }

  // False if a case changed memory that it was not seen to change: the results since the last time are worth nothing.
  bool is_clean() const { return ram_.is_background(); }

 private:
  // What the hooks saw of one uc_emu_start.
  struct Events {
    bool intr = false, invalid_opcode = false, port = false, no_memory = false, top_page = false;
    std::uint32_t vector = 0, error_code = 0;
    bool is_int = false;
    std::uint64_t cr2 = 0, port_word = 0, port_value = 0;
  };
  // How one instruction ended.
  struct Step {
    insn::Outcome outcome = 0;
    Limit limit = Limit::None;
  };
  // What the softmmu holds: nothing, linear addresses as physical ones, or what page tables said.
  enum class Softmmu : std::uint8_t { Nothing, Physical, Translated };
  // How one instruction is run: with RFLAGS.TF, so that Unicorn translates it alone and stops behind it wherever that
  // is; or, if it shows TF, loses it or repeats to completion, up to the address behind it.
  struct Plan {
    bool until_set = false;
    std::uint64_t until = 0;
    std::uint64_t count_mask = 0;  // not 0: RCX counts too many repetitions and is cut down
  };

  explicit Engine(std::unique_ptr<View> view) : view_(std::move(view)), ram_(view_->bytes()) {}
  Result<void> open_cpu();
  Result<void> prove_behaviour();
  void close_cpu();
  void recycle();
  void add_hooks();
  Result<void> map_memory();

  void flush_softmmu();
  void fit_softmmu(bool paged);
  void drop_code();
  void begin_epoch();
  void adopt_profile(const std::uint64_t* v);
  void prepare(const insn::WireCase& c);

  Plan plan_step(const Opcode& o, bool rep_one) const;
  Plan plan_repeat(const Opcode& o) const;
  void note_code(std::uint64_t linear);
  bool hooks_lost() const;
  bool saved_task(const Opcode& o) const;
  Limit limit_of_pages(const insn::WireCase& c, const Step& last) const;
  void emulate(const Plan& plan);
  Step judge(const Opcode& o, const Plan& plan);
  Step judge_interrupt(const Opcode& o, const Plan& plan);
  Step judge_stop(const Opcode& o, const Plan& plan);
  bool restore_count(const Plan& plan);
  void clean_state(const Opcode& o, const Plan& plan, insn::OutcomeKind kind);
  Step run_step(const insn::WireCase& c);
  Step run_steps(const insn::WireCase& c);
  void report(const insn::WireCase& c, const Step& last, insn::WireResult& out);
  void report_memory(const insn::WireCase& c, insn::WireResult& out);

  static void on_interrupt(uc_engine* uc, std::uint32_t vector, void* self);
  static bool on_invalid_opcode(uc_engine* uc, void* self);
  static bool on_invalid_memory(uc_engine* uc, uc_mem_type type, std::uint64_t address, int size, std::int64_t value,
                                void* self);
  static void on_access(uc_engine* uc, uc_mem_type type, std::uint64_t address, int size, std::int64_t value,
                        void* self);
  static std::uint32_t on_in(uc_engine* uc, std::uint32_t port, int size, void* self);
  static void on_out(uc_engine* uc, std::uint32_t port, int size, std::uint32_t value, void* self);
  static std::uint64_t on_no_memory_read(uc_engine* uc, std::uint64_t offset, unsigned size, void* self);
  static void on_no_memory_write(uc_engine* uc, std::uint64_t offset, unsigned size, std::uint64_t value, void* self);

  uc_engine* uc_ = nullptr;
  std::unique_ptr<View> view_;
  GuestRam ram_;
  std::unique_ptr<std::uint8_t, void (*)(void*)> service_page_{nullptr, nullptr};
  Context fresh_;    // of a CPU just opened
  Context service_;  // for flushing; linear addresses are physical ones
  Context now_;      // before a step; at other times as fresh_ but for what load_state writes
  Context after_;
  Events events_;
  Accesses accesses_;
  static constexpr std::size_t kMostCodes = 8;  // of one case: each step begins somewhere and may have to end somewhere
  static constexpr std::uint64_t kCodeBytes = insn::kRegionPages * insn::kPage;  // what maps them is a multiple of it
  std::array<std::uint64_t, 64> code_{};  // where such ranges with translations begin
  std::size_t codes_ = 0;
  std::uint32_t epoch_ = 0;  // the last case's
  std::uint64_t steps_ = 0, last_pc_ = 0;
  bool paging_changed_ = false;
  Opcode opcode_;                  // of the last step
  bool ran_to_address_ = false;    // the last step
  bool fetched_for_stop_ = false;  // code that nothing but our stop asked for, on a page of its own
  std::uint64_t profile_[2] = {~std::uint64_t{0}, ~std::uint64_t{0}};
  Softmmu softmmu_ = Softmmu::Nothing;
  bool flush_toggle_ = false;
  std::uint32_t cases_ = 0;
};

}  // namespace diffvisor::unicorn
