// SPDX-License-Identifier: Apache-2.0
#include "oracles/qemu/cpu_models.h"

#include <initializer_list>

#include "harness/arch/svm/fields.h"

namespace diffvisor::qemu {
namespace {

// Bochs 2.7's ryzen as far as an entry can tell: 40 physical bits, and what CR4 and EFER may hold. What TCG cannot do
// is switched off by name, so that QEMU prints no warnings.
constexpr std::string_view kRyzen =
    "EPYC,+svm,phys-bits=40,-3dnowprefetch,-fxsr-opt,-misalignsse,-nrip-save,-osvw,-rdseed,-sha-ni,-topoext,-xsavec";

constexpr std::uint64_t bits(std::initializer_list<unsigned> list) {
  std::uint64_t set = 0;
  for (const unsigned b : list) set |= std::uint64_t{1} << b;
  return set;
}

// Its VMRUN takes VME, PVI and FFXSR, which its CPUID denies, and refuses TCE, which it does not know. No check of an
// entry depends on the SVM features it lacks, nor on the number of ASIDs, which it says is 16.
constexpr Capability kDiffers[] = {
    {svm::CapCr4Mask, bits({svm::cr4::VME, svm::cr4::PVI})},
    {svm::CapEferMask, bits({svm::efer::FFXSR, svm::efer::TCE})},
    {svm::CapSvmFeatures, bits({svm::svm_feature::LBR_VIRT, svm::svm_feature::SVM_LOCK, svm::svm_feature::NRIPS,
                                svm::svm_feature::FLUSH_BY_ASID, svm::svm_feature::PAUSE_FILTER})},
    {svm::CapNasid, ~std::uint64_t{0}},
};

}  // namespace

std::string_view tcg_cpu(std::string_view profile) { return profile == "ryzen" ? kRyzen : ""; }

// VMX capabilities come from the processor: the profile says whether they are the wanted ones.
std::string_view kvm_cpu(std::string_view profile) { return profile == "ryzen" ? kRyzen : "host"; }

std::span<const Capability> tcg_differs() { return kDiffers; }

}  // namespace diffvisor::qemu
