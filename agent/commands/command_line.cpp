#include "agent/commands/command_line.h"

#include "agent/commands/command.h"
#include "agent/version.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <sys/stat.h>

#include <csignal>
#include <map>

namespace mailstead::agent {

namespace {

std::string version_text() {
  return fmt::format("mailstead {} (SQLite {})", kVersion, sqlite3_libversion());
}

// Secrets stay out of core files, new files out of others' sight; a closed peer and a file that may not grow are error
// codes, not signals.
void harden_process() {
  ::prctl(PR_SET_DUMPABLE, 0);
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // who started us may have had it ignored: then no program's end would be seen
  ::signal(SIGXFSZ, SIG_IGN);
}

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("-c,--config", options.config_file,
                 "Configuration file (default: $MAILSTEAD_CONFIG, ~/.config/mailstead/mailstead.json, "
                 "/etc/mailstead/mailstead.json)")
      ->type_name("FILE");
  app.add_option("--data-dir", options.data_dir, "Where mail is kept, instead of the configuration's data_dir")
      ->type_name("DIR");
  app.add_flag(
      "-v,--verbose", [&options](std::int64_t count) { options.verbosity += static_cast<int>(count); },
      "Say more; may be repeated");
  app.add_flag(
      "-q,--quiet", [&options](std::int64_t count) { options.verbosity -= static_cast<int>(count); },
      "Say less; may be repeated");
  app.add_option("--log-format", options.log_format, "How the log is written")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("text|json");
  app.add_option(
         "--trace", options.trace,
         "Write the dialogue with the accounts' servers, without passwords and messages, to a file or, with -, to "
         "standard error")
      ->type_name("FILE|-");
  app.add_option("--color", options.color, "Colour on terminals (NO_COLOR is honoured)")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->type_name("auto|always|never");
}

// The names that could have been meant: subcommands for a bare word, options for one with a dash.
std::string suggestion(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  const CLI::App* at = &app;
  while (at != nullptr) {
    const CLI::App* chosen = nullptr;
    if (word.starts_with("-")) {
      for (const auto* option : at->get_options())
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    } else {
      for (const auto* sub : at->get_subcommands({})) names.push_back(sub->get_name());
    }
    for (const auto* sub : at->get_subcommands()) chosen = sub;
    at = chosen;
  }
  return mail::nearest(word, names);
}

int print_help(const CLI::App& app, const std::string& topic) {
  if (topic.empty()) {
    fmt::print("{}", app.help());
    return kDone;
  }
  for (const auto* sub : app.get_subcommands({}))
    if (sub->get_name() == topic) {
      fmt::print("{}", sub->help("mailstead"));
      return kDone;
    }
  const auto meant = suggestion(app, topic);
  complain("", fmt::format("unknown command \"{}\"", topic),
           meant.empty() ? "see: mailstead --help" : fmt::format("did you mean \"{}\"?", meant));
  return kUsage;
}

int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  std::string what = error.what();
  std::string hint = "see: mailstead --help";
  const auto extras = app.remaining(true);
  if (!extras.empty()) {
    const std::string& word = extras.front();
    what = fmt::format("unknown {} \"{}\"", word.starts_with("-") ? "option" : "command", word);
    if (const auto meant = suggestion(app, word); !meant.empty()) hint = fmt::format("did you mean \"{}\"?", meant);
  }
  complain("", what, hint);
  return kUsage;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  harden_process();
  CLI::App app{
      "Mailstead brings a person's mail home: it pulls from many POP3 and IMAP accounts, keeps one copy\n"
      "of each message, decides by rules where it goes, delivers it or serves it.",
      "mailstead"};
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "Print this and exit");
  app.get_formatter()->column_width(30);

  GlobalOptions options;
  add_global_options(app, options);
  std::map<const CLI::App*, std::function<int()>> runs;
  for (const auto& command : commands()) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    runs[sub] = command.add(*sub, options);
  }
  std::string topic;
  CLI::App* help = app.add_subcommand("help", "Help on a command");
  help->add_option("COMMAND", topic, "The command");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return report_usage(app, error);
  }

  const CLI::App* chosen = app.get_subcommands().front();
  if (chosen == help) {
    return print_help(app, topic);
  }
  try {
    return runs.at(chosen)();
  } catch (const Refusal& refusal) {
    complain(refusal.where, refusal.what, refusal.hint);
    return refusal.status;
  } catch (const storage::DataDirectoryHeld& held) {
    complain(held);
    return kDirectoryHeld;
  } catch (const mail::Failure& failure) {
    complain(failure);
    return failure.kind() == mail::FailureKind::kConfiguration ? kUsage : kSomethingFailed;
  } catch (const std::exception& error) {
    complain("", std::string("unexpected: ") + error.what(), "please report it");
    return kSomethingFailed;
  }
}

}  // namespace mailstead::agent
