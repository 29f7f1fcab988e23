// A web service that keeps what it is given: Poco's HTTP server on a free loopback port.
#pragma once

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mailstead::testing {

struct HttpArrival {
  std::string method, target, content;
  std::map<std::string, std::string> fields;  // names lowered
};

class HttpSink {
 public:
  // What is answered: a status and words.
  std::function<std::pair<int, std::string>(const HttpArrival&)> answer = [](const HttpArrival&) {
    return std::pair(200, std::string("thank you"));
  };

  HttpSink() : socket_(Poco::Net::SocketAddress("127.0.0.1", 0)) {
    auto* parameters = new Poco::Net::HTTPServerParams;  // counted by the server
    parameters->setKeepAlive(true);
    parameters->setMaxThreads(4);
    server_ = std::make_unique<Poco::Net::HTTPServer>(new Factory(*this), socket_, parameters);
    server_->start();
  }
  ~HttpSink() { server_->stopAll(true); }

  [[nodiscard]] std::uint16_t port() const { return socket_.address().port(); }
  // Whole ones alone.
  [[nodiscard]] std::vector<HttpArrival> arrivals() {
    std::lock_guard lock(mutex_);
    return arrivals_;
  }
  [[nodiscard]] int connections() const { return server_->totalConnections(); }

 private:
  class Handler final : public Poco::Net::HTTPRequestHandler {
   public:
    explicit Handler(HttpSink& sink) : sink_(sink) {}
    void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override {
      HttpArrival arrival{request.getMethod(), request.getURI(), {}, {}};
      for (const auto& [name, value] : request) arrival.fields[Poco::toLower(name)] = value;
      std::string chunk(65536, '\0');
      auto& in = request.stream();
      while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0)
        arrival.content.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
      if (request.hasContentLength() &&
          request.getContentLength64() != static_cast<Poco::Int64>(arrival.content.size()))
        return;  // aborted
      const auto [status, words] = sink_.answer(arrival);
      if (status < 400 && arrival.method == "POST") {
        std::lock_guard lock(sink_.mutex_);
        sink_.arrivals_.push_back(std::move(arrival));
      }
      response.setStatusAndReason(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status));
      response.setContentLength(static_cast<std::streamsize>(words.size()));
      response.send() << words;
    }

   private:
    HttpSink& sink_;
  };
  class Factory final : public Poco::Net::HTTPRequestHandlerFactory {
   public:
    explicit Factory(HttpSink& sink) : sink_(sink) {}
    Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest&) override {
      return new Handler(sink_);
    }

   private:
    HttpSink& sink_;
  };

  Poco::Net::ServerSocket socket_;
  std::unique_ptr<Poco::Net::HTTPServer> server_;
  std::mutex mutex_;
  std::vector<HttpArrival> arrivals_;
};

}  // namespace mailstead::testing
