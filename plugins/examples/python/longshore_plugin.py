"""Serves a placement plugin to the Longshore scheduler.

Write a class with a `name` and any of the methods

    configure(self, arguments: dict)                 raise ValueError to refuse them
    filter(self, query, rows) -> list[Rejection]     which clusters cannot take the request
    score(self, query, rows) -> list[int]            0 to 100 for each row, in the order of rows

and call serve(). Needs grpcio and protobuf: `apt-get install python3-grpcio python3-protobuf`.

Print nothing to standard output, it belongs to the handshake; standard error goes to the scheduler's log.
"""

import os
import pathlib
import sys
import threading
import time
from concurrent import futures
from dataclasses import dataclass, field

import grpc
from google.protobuf import descriptor_pb2, json_format, message_factory

PROTOCOL_VERSIONS = [1]
MAX_MESSAGE_BYTES = 64 << 20
UNSCHEDULABLE = 2

# Facts about clusters, as in plugin.proto.
MEMBERSHIP, LABELS, TAINTS, APIS, TOPOLOGY, CAPACITY = 1, 2, 4, 8, 16, 32
PEERS = 64  # no fact about clusters: what the plugin reads in query.request.peers
FILTER, SCORE = 1, 2


def _messages():
    """Returns the protocol's message classes by name. They are made from its description, so that no generated code is needed."""
    image = descriptor_pb2.FileDescriptorSet()
    image.ParseFromString(pathlib.Path(__file__).with_name("plugin.binpb").read_bytes())
    make = getattr(message_factory, "GetMessages")
    return {name.rpartition(".")[2]: cls for name, cls in make(image.file).items()}


_m = _messages()


@dataclass
class Cluster:
    """What is known about one member. Facts that the plugin does not read stay empty."""

    name: str
    deleting: bool = False
    labels: dict = field(default_factory=dict)
    taints: list = field(default_factory=list)
    apis: list = field(default_factory=list)
    provider: str = ""
    region: str = ""
    zones: list = field(default_factory=list)
    summary: object = None  # a Summary message, None when the member never reported
    reserved: list = field(default_factory=list)


@dataclass
class Rejection:
    rows: list
    reason: str
    code: int = UNSCHEDULABLE


@dataclass
class Query:
    """A request, and the clusters in ascending order of name: a row is an index into them."""

    request: object  # a Request message
    clusters: list
    term: int = 0


class _Table:
    """The clusters as the scheduler told them."""

    def __init__(self):
        self.generation, self.complete, self.by_name, self.rows = 0, False, {}, []

    def apply(self, table):
        if table.base_generation == 0:
            self.by_name = {}
        elif table.base_generation != self.generation:
            self.generation, self.complete = 0, False
            return
        self.generation, self.complete = table.generation, not table.continues
        for name in table.removed:
            self.by_name.pop(name, None)
        for told in table.clusters:
            self.by_name[told.name] = self._merge(told, table.api_lists)
        if self.complete:
            self.rows = [self.by_name[name] for name in sorted(self.by_name, key=str.encode)]

    def _merge(self, told, api_lists):
        old = self.by_name.get(told.name)
        c = Cluster(told.name) if old is None else Cluster(**vars(old))
        if told.stated & MEMBERSHIP:
            c.deleting = told.deleting
        if told.stated & LABELS:
            c.labels = {l.key: l.value for l in told.labels}
        if told.stated & TAINTS:
            c.taints = list(told.taints)
        if told.stated & APIS:
            c.apis = list(api_lists[told.api_list - 1].apis) if told.api_list else []
        if told.stated & TOPOLOGY:
            c.provider, c.region, c.zones = told.provider, told.region, list(told.zones)
        if told.stated & CAPACITY:
            c.reserved = list(told.reserved)
            if not told.same_summary:
                c.summary = told.summary if told.HasField("summary") else None
        return c


def _rows(bits):
    return [8 * i + j for i, byte in enumerate(bits) if byte for j in range(8) if byte >> j & 1]


def _bits(rows):
    out = bytearray(max(rows, default=-1) // 8 + 1)
    for row in rows:
        out[row // 8] |= 1 << row % 8
    return bytes(out)


class _Server:
    def __init__(self, plugin, reads):
        self.plugin, self.reads = plugin, reads

    def info(self, request, context):
        stages = [s for s, method in ((FILTER, "filter"), (SCORE, "score")) if hasattr(self.plugin, method)]
        return _m["InfoResponse"](
            name=self.plugin.name, version=getattr(self.plugin, "version", ""), protocol_versions=PROTOCOL_VERSIONS,
            stages=stages, reads=self.reads,
        )

    def configure(self, request, context):
        if request.protocol_version not in PROTOCOL_VERSIONS:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"protocol version {request.protocol_version} is not spoken by this plugin")
        arguments = json_format.MessageToDict(request.arguments)
        if not hasattr(self.plugin, "configure"):
            if arguments:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"plugin {self.plugin.name} takes no arguments")
            return _m["ConfigureResponse"]()
        try:
            self.plugin.configure(arguments)
        except ValueError as fault:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(fault))
        return _m["ConfigureResponse"]()

    def work(self, requests, context):
        table, placements = _Table(), {}
        for request in requests:
            if request.HasField("table"):
                table.apply(request.table)
            if request.forget_placements:
                placements.clear()
            placements.update((p.fingerprint, p) for p in request.placements)
            for question in request.questions:
                told = placements.get(question.request.placement_fingerprint)
                if told is not None:
                    question.request.placement.CopyFrom(told)
                yield _m["WorkResponse"](answers=[self.answer(table, question)])

    def answer(self, table, question):
        if not table.complete or question.generation != table.generation:
            return _m["Answer"](id=question.id, resync=True)
        try:
            return self.ask(Query(question.request, table.rows, question.term), question)
        except Exception as fault:  # whatever the plugin raises is its answer
            return _m["Answer"](id=question.id, error=f"{type(fault).__name__}: {fault}")

    def ask(self, query, question):
        answer, rows = _m["Answer"](id=question.id), None
        if question.HasField("filter"):
            rows = _rows(question.filter.candidates)
            answer.filter.SetInParent()
            for r in self.plugin.filter(query, rows):
                answer.filter.rejections.add(
                    clusters=_bits(r.rows), status=_m["Status"](code=r.code, reasons=[r.reason]),
                )
                rows = [row for row in rows if row not in set(r.rows)]
        if question.HasField("score"):
            if not question.score.after_filter:
                rows = _rows(question.score.clusters)
            answer.score.scores = bytes(self.plugin.score(query, rows))
        return answer


def _handlers(server):
    def unary(call, request, response):
        return grpc.unary_unary_rpc_method_handler(call, request.FromString, response.SerializeToString)

    def raw(call):
        return grpc.unary_unary_rpc_method_handler(call)

    def shutdown(request, context):
        threading.Timer(0.1, os._exit, (0,)).start()
        return b""

    return (
        grpc.method_handlers_generic_handler("longshore.plugin.v1.PlacementPlugin", {
            "Info": unary(server.info, _m["InfoRequest"], _m["InfoResponse"]),
            "Configure": unary(server.configure, _m["ConfigureRequest"], _m["ConfigureResponse"]),
            "Work": grpc.stream_stream_rpc_method_handler(
                server.work, _m["WorkRequest"].FromString, _m["WorkResponse"].SerializeToString),
        }),
        # HealthCheckResponse{status: SERVING}
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": raw(lambda request, context: b"\x08\x01")}),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": raw(shutdown)}),
    )


def serve(plugin, reads=0):
    """Serves the plugin until the scheduler lets go of it. Reads is the sum of the facts that it looks at, 0 for all."""
    directory = os.environ.get("PLUGIN_UNIX_SOCKET_DIR")
    if "LONGSHORE_PLUGIN" not in os.environ or directory is None:
        sys.exit("This is a placement plugin. Name it in the scheduler's configuration under externalPlugins, with plainSocket: true.")
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", MAX_MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=options)
    server.add_generic_rpc_handlers(_handlers(_Server(plugin, reads)))
    socket = os.path.join(directory, "plugin.sock")
    server.add_insecure_port("unix:" + socket)
    server.start()
    # Version of go-plugin's handshake, version of the plugin protocol, where to connect, and how.
    print(f"1|{PROTOCOL_VERSIONS[-1]}|unix|{socket}|grpc", flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(2)
