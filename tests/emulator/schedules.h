// The schedules tests run kernels under.
#pragma once
#include "kernels/runtime/emulated/emulator.h"

using gsx::kernels::emulated::gpu::Schedule;

constexpr Schedule kSchedules[] = {
    {Schedule::forward, 0}, {Schedule::reverse, 0}, {Schedule::random, 1}, {Schedule::random, 2}};

// Launches run under a schedule while one lives.
class UseSchedule {
 public:
  explicit UseSchedule(Schedule schedule) : before_(gsx::kernels::emulated::gpu::schedule()) {
    gsx::kernels::emulated::gpu::set_schedule(schedule);
  }
  ~UseSchedule() { gsx::kernels::emulated::gpu::set_schedule(before_); }
  UseSchedule(const UseSchedule&) = delete;
  UseSchedule& operator=(const UseSchedule&) = delete;

 private:
  Schedule before_;
};
