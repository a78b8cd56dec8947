"""A gRPC door for programs that know Audio2Face-3D's service: sound in, curves out as it comes.

`wire` the messages, `asked` what a client wants in our terms, `conversation` one clip of sound,
`door` the server.
"""
