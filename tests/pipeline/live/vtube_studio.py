"""A stand-in for VTube Studio that takes what its published API allows, and nothing else."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from dreamtalk_core.live.vts import PORT

DEFAULT_PARAMETERS = {
    "FacePositionX", "FacePositionY", "FacePositionZ", "FaceAngleX", "FaceAngleY", "FaceAngleZ",
    "MouthSmile", "MouthOpen", "Brows", "MousePositionX", "MousePositionY", "TongueOut",
    "EyeOpenLeft", "EyeOpenRight", "EyeLeftX", "EyeLeftY", "EyeRightX", "EyeRightY", "CheekPuff",
    "FaceAngry", "BrowLeftY", "BrowRightY", "VoiceFrequency", "VoiceVolume", "MouthX",
}  # fmt: skip


class VTubeStudio:
    """Listens at a free port; `port` is its number. allows: whether its user allows plugins."""

    def __init__(self, allows: bool = True, port: int = 0) -> None:
        self.allows, self.asked, self.logins = allows, 0, 0
        self.custom: set[str] = set()
        self.frames: list[dict[str, float]] = []
        self.connections: list[ServerConnection] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

        async def start() -> Any:
            return await serve(self._talk, "127.0.0.1", port)

        self.server = asyncio.run_coroutine_threadsafe(start(), self.loop).result()
        self.port: int = next(iter(self.server.sockets)).getsockname()[1]
        assert self.port != PORT

    def close(self) -> None:
        async def end() -> None:
            self.server.close()
            await self.server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _talk(self, connection: ServerConnection) -> None:
        inside = False
        async for text in connection:
            assert isinstance(text, str), "text messages are recommended"
            message = json.loads(text)
            assert message["apiName"] == "VTubeStudioPublicAPI"
            assert message["apiVersion"] == "1.0"
            assert message["requestID"].isascii()
            assert 1 <= len(message["requestID"]) <= 64
            kind, data = message["messageType"], message["data"]
            answer: dict[str, Any] = {}
            if kind == "AuthenticationTokenRequest":
                self._plugin(data)
                self.asked += 1
                if not self.allows:
                    kind, answer = "APIError", {"errorID": 50, "message": "User has denied"}
                else:
                    answer = {"authenticationToken": "a-token"}
            elif kind == "AuthenticationRequest":
                self._plugin(data)
                inside = data["authenticationToken"] == "a-token"
                self.logins += inside
                answer = {"authenticated": inside, "reason": "because"}
            else:
                assert inside, "authenticate first"
                answer = self._inside(kind, data)
            if "errorID" in answer:
                kind = "APIError"
            await connection.send(
                json.dumps(
                    {
                        "apiName": "VTubeStudioPublicAPI",
                        "apiVersion": "1.0",
                        "timestamp": 1625405710728,
                        "requestID": message["requestID"],
                        "messageType": kind.replace("Request", "Response"),
                        "data": answer,
                    }
                )
            )

    def _plugin(self, data: dict[str, Any]) -> None:
        assert 3 <= len(data["pluginName"]) <= 32
        assert 3 <= len(data["pluginDeveloper"]) <= 32

    def _inside(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        if kind == "ParameterCreationRequest":
            name = data["parameterName"]
            assert name.isalnum()
            assert 4 <= len(name) <= 32
            self.custom.add(name)
            assert len(self.custom) <= 100
            return {"parameterName": name}
        assert kind == "InjectParameterDataRequest"
        assert data["mode"] in ("set", "add")
        values = {one["id"]: one["value"] for one in data["parameterValues"]}
        assert all(-1e6 <= value <= 1e6 for value in values.values())
        if unknown := set(values) - DEFAULT_PARAMETERS - self.custom:
            return {"errorID": 453, "message": f"no parameter {unknown}"}
        self.frames.append(values)
        return {}
