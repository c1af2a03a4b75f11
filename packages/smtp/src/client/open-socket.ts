import { connect as connectSocket, type Socket } from 'node:net'
import type { SmtpFailure } from './failure.ts'
import { defaultClientTimeouts, type SmtpClientOptions, type SmtpServerAddress } from './options.ts'

/** An open TCP (or UNIX) connection, or why there is none. */
export const openSocket = async (
  server: SmtpServerAddress,
  options: SmtpClientOptions,
): Promise<Socket | SmtpFailure> => {
  const { localAddress } = options
  const opened = await open(server, options, localAddress)
  if (opened !== 'unbound') return opened
  options.onUnbound?.(localAddress ?? '')
  if (options.localAddressIs === 'needed')
    return { kind: 'connect', status: '4.4.0', text: 'server configuration error' }
  return (await open(server, options, undefined)) as Socket | SmtpFailure
}

/** 'unbound': the local address is none of this machine. */
const open = (
  server: SmtpServerAddress,
  options: SmtpClientOptions,
  localAddress: string | undefined,
): Promise<Socket | SmtpFailure | 'unbound'> => {
  const timeoutMs = options.timeouts?.connectMs ?? defaultClientTimeouts.connectMs
  const place = `${server.host}[${server.address}]${server.port === 0 ? '' : `:${server.port}`}`
  const refused = (why: string): SmtpFailure => ({
    kind: 'connect',
    status: '4.4.1',
    text: `connect to ${place}: ${why}`,
  })
  return new Promise((resolve) => {
    const socket = connectSocket(
      server.port === 0
        ? { path: server.address }
        : {
            host: server.address,
            port: server.port,
            noDelay: true,
            ...(localAddress === undefined ? {} : { localAddress }),
          },
    )
    // 0: as long as the system waits.
    const timer =
      timeoutMs === 0
        ? undefined
        : setTimeout(() => {
            socket.destroy()
            resolve(refused('Connection timed out'))
          }, timeoutMs)
    const failed = (error: Error & { code?: string; syscall?: string }): void => {
      clearTimeout(timer)
      socket.destroy()
      if (error.syscall === 'bind') resolve('unbound')
      else resolve(refused(systemWords[error.code ?? ''] ?? error.message))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      resolve(socket)
    })
  })
}

const systemWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
}
