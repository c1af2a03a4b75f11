import type * as net from 'node:net'
import type * as tls from 'node:tls'

/** Who hears of what happens to a socket. */
export interface SocketOwner {
  socketData(chunk: Buffer): void
  /** A FIN; of the socket below too, while TLS begins above it. */
  socketEnd(socket: net.Socket): void
  socketDrain(): void
  socketError(error: Error): void
  socketSecure(socket: tls.TLSSocket): void
  socketClose(): void
}

const owner: unique symbol = Symbol('owner')
type OwnedSocket = net.Socket & { [owner]?: SocketOwner }

// One function per event for all sockets: a closure for each would cost every idle connection memory.

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[owner]!.socketData(chunk)
}
function onEnd(this: OwnedSocket): void {
  this[owner]!.socketEnd(this)
}
function onDrain(this: OwnedSocket): void {
  this[owner]!.socketDrain()
}
function onError(this: OwnedSocket, error: Error): void {
  this[owner]!.socketError(error)
}
function onClose(this: OwnedSocket): void {
  this[owner]!.socketClose()
}
function onSecure(this: OwnedSocket): void {
  // OpenSSL is still in the handshake: what is sent now goes out before its session tickets, and a client that
  // waits for the first octets with select(2) (Cyrus SASL's imtest) then waits in a read for what never comes.
  setImmediate(tellSecure, this)
}
function tellSecure(socket: OwnedSocket): void {
  socket[owner]!.socketSecure(socket as tls.TLSSocket)
}

export function adoptSocket(socket: net.Socket, by: SocketOwner): void {
  const owned: OwnedSocket = socket
  owned[owner] = by
  socket.on('data', onData)
  socket.on('end', onEnd)
  socket.on('drain', onDrain)
  socket.on('error', onError)
  socket.on('close', onClose)
}

/** No octet of it is read from here any more. */
export function stopReading(socket: net.Socket): void {
  socket.removeListener('data', onData)
}

/**
 * TLS takes over what comes. Errors are still heard, for a reset may reach the socket below; and its end, for
 * a FIN that was read before TLS took over is told to nobody else.
 */
export function leaveSocketBelow(socket: net.Socket): void {
  socket.removeListener('data', onData)
  socket.removeListener('drain', onDrain)
  socket.removeListener('close', onClose)
}

export function adoptSecure(socket: tls.TLSSocket, by: SocketOwner): void {
  adoptSocket(socket, by)
  socket.once('_tlsError', onError)
  socket.once('secure', onSecure)
}
