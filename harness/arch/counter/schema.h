// SPDX-License-Identifier: Apache-2.0
// The counter domain's vocabulary: a device of one register and a few commands, small enough to read in one sitting,
// with one of everything a domain can have.
#pragma once

#include <cstdint>
#include <string>

#include "harness/arch/schema.h"

namespace diffvisor::counter {

// One enumerator per first slot; an array's further elements follow it.
enum FieldSlot : std::uint16_t {
#define FIELD(id, name, constant, width, count, role, group) constant, constant##Last = constant + (count)-1,
#include "harness/arch/counter/fields.def"
#undef FIELD
  kSlots
};

enum FeatureBit : unsigned { kCanSaturate, kHasTape };
enum ModeBit : unsigned { kSaturate, kSigned };  // kSigned is never offered: a device refuses it

inline constexpr unsigned kAlarms = 2;
inline constexpr std::uint64_t kMemoryEnd = 0x80;         // addresses of words
inline constexpr std::uint64_t kReadsAbove = 0xffffffff;  // what a word beyond the end reads as
inline constexpr unsigned kTape = 0;                      // index in Case::areas
inline constexpr std::size_t kLongestTape = 64;
inline constexpr std::size_t kMostOperations = 64;

enum class Opcode : std::uint8_t {
  Add = 1,    // value += n * STEP
  Sub = 2,    // value -= n * STEP
  Reset = 3,  // value = INITIAL, flags and tape position as at the start
  Load = 4,   // value = v, clears the live overflow flag
  Latch = 5,  // the live overflow flag is or-ed into the visible one
  Read = 6,   // reports the value
  Play = 7,   // value += the next byte of the tape * STEP; past its end 0
};

// What starting the device can come to.
enum class Outcome : std::uint32_t {
  Finished,    // all operations were carried out
  BadWidth,    // WIDTH is 0 or above MAX_WIDTH
  BadMode,     // MODE asks for what FEATURES does not offer
  BadInitial,  // INITIAL does not fit WIDTH
  NoTape,      // there is a tape, and no tape reader
};
inline constexpr std::uint32_t kOutcomes = 5;
std::string outcome_text(std::uint32_t outcome);

// Observation::record.
enum RecordSlot : unsigned {
  kValue,       // at the end
  kFlags,       // bit 0: visible overflow, bits 1, 2: alarms
  kReads,       // how often the value was reported
  kReadDigest,  // of the reported values, in order
  kRecordSlots
};

const Schema& schema();

// Ties the alarm words to memory: both are written where their addresses say, in order, and read back. Words on one
// address agree afterwards, those beyond the end read kReadsAbove. Idempotent.
void settle_facts(std::uint64_t* v);

}  // namespace diffvisor::counter
