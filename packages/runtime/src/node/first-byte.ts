import type { Socket } from 'node:net'

/** Whoever says nothing for so long is not a client. */
const SILENCE_MS = 10_000

/** The type of a TLS record that carries a handshake. */
const TLS_HANDSHAKE = 0x16

/**
 * Waits for the first byte of a connection, and tells whether it begins a TLS handshake. The byte is
 * put back. Calls nothing for a connection that ends, or says nothing, and closes it.
 */
export function sniffTls(socket: Socket, decided: (isTls: boolean) => void): void {
  const look = (): void => {
    const first = socket.read(1) as Buffer | null
    if (first === null) return
    socket.off('readable', look)
    socket.off('error', ignore)
    socket.setTimeout(0)
    socket.off('timeout', give)
    socket.unshift(first)
    decided(first[0] === TLS_HANDSHAKE)
  }
  const give = (): void => void socket.destroy()
  const ignore = (): void => {}
  socket.setTimeout(SILENCE_MS)
  socket.once('timeout', give)
  // An error closes the socket, which its owner notices.
  socket.on('error', ignore)
  socket.on('readable', look)
  socket.once('end', give)
}
