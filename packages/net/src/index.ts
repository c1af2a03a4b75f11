/** Bytes ↔ connection: listening, TLS, limits, deadlines, the PROXY protocol, framing of lines. */
export { customerNetwork, formatEndpoint, normalizeAddress, type PrefixLengths } from './address.ts'
export { Admission, type AdmissionLimits, type Refusal } from './admission.ts'
export { channelBindings, type TlsChannelBinding } from './channel-bindings.ts'
export {
  type CertificateReader,
  type CertifiedClient,
  type ClientCertificate,
  certifiedClient,
  clientCertificate,
} from './client-certificate.ts'
export { ClientCounts, type SharedTally } from './client-counts.ts'
export { Connection } from './connection.ts'
export type { CloseReason, ConnectionHandler } from './connection-handler.ts'
export { letGo, readDirectly } from './direct-reading.ts'
export { ExchangeClient, type ExchangeOptions, type ServiceAddress } from './exchange-client.ts'
export { FramedStream, type FramedStreamOptions } from './framed-stream.ts'
export {
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
  type HttpClientOptions,
  type HttpQuestion,
} from './http-exchange.ts'
export { fetchHttps, type HttpsAnswer, type HttpsPost, type HttpsQuestion, postHttps } from './https-fetch.ts'
export { LineFramer, overlongLine } from './line-framer.ts'
export { ListenError, type Listener, type ListenOptions, listen } from './listener.ts'
export { askLocalSocket, type LocalServer, localSocketAnswers, serveLocalSocket } from './local-socket.ts'
export { askTimeServer, type ClockAnswer } from './network-time.ts'
export { type Page, type PageServer, servePages } from './page-server.ts'
export { PieceMemory, type PieceOutlet } from './piece-memory.ts'
export { type ProxyHeader, type ProxyRead, readProxyHeader } from './proxy-protocol.ts'
export { acknowledge } from './quick-ack.ts'
export { type Place, Roll } from './roll.ts'
export { askSaslauthd, type SaslauthdAnswer, type SaslauthdQuestion } from './saslauthd.ts'
export type { SecureFacts } from './secure-facts.ts'
export { sessionName } from './session-name.ts'
export { listenForSockets, type SocketListener, type SocketPlace } from './socket-listener.ts'
export { socketPair } from './socket-pair.ts'
export { TextDialogue } from './text-dialogue.ts'
export { sharedWheel, TimerWheel, type WheelEntry } from './timer-wheel.ts'
export { TlsCredentials, type TlsSettings, TlsSettingsError } from './tls-credentials.ts'
export { Transcript, type TranscriptLine } from './transcript.ts'
