// "certificate": "auto": one that we make ourselves, kept in the data directory.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "mail/clock.h"

namespace mailstead::agent {

// The PEM file with certificate and key for all listeners with "auto", made or made anew when it is missing, does not
// serve, lacks a name that is wanted, or ends within 30 days. Says in the log which one is in use. Throws
// Failure(kStorage, kProcess).
[[nodiscard]] std::string own_certificate(const Config& config, const mail::Clock& clock, Log& log);

// The names that clients may know those listeners by: our host name, this machine's, their addresses.
[[nodiscard]] std::vector<std::string> own_names(const Config& config);

// "AB:CD:…", as mail clients show it.
[[nodiscard]] std::string spelled_fingerprint(const std::string& hex);

}  // namespace mailstead::agent
