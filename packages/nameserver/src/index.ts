export { checkNameServerConfig, type NameServerConfig, nameServerDefaults } from './config.ts'
export { NameServer } from './name-server.ts'
