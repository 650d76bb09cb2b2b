import { expect, test } from 'vitest'
import { fill, type Target } from './target.ts'

const target: Target = {
  brokerName: 'broker-a',
  master: 2,
  masterAddress: '[::1]:8081',
  slave: undefined,
  slaveAddress: undefined,
}

// Who is master is known only when the fault is due: a command that names a member would hit a slave.
test('what a command leaves open is filled in, as often as it occurs', () => {
  const command = 'docker kill {brokerName}-{master} && echo {masterAddress} {brokerName} {other}'

  expect(fill(command, target)).toEqual({
    kind: 'filled',
    text: 'docker kill broker-a-2 && echo [::1]:8081 broker-a {other}',
  })
})

// The name and the address come from the cluster; an operator's shell must not run what they say.
test('a name that means something to a shell is refused', () => {
  const strange = { ...target, masterAddress: 'x;reboot:1' }

  expect(fill('kill {masterAddress}', strange)).toMatchObject({ kind: 'refused' })
  expect(fill('kill {master}', strange)).toMatchObject({ kind: 'filled' })
})

test('a slave cannot be named where there is none', () => {
  expect(fill('kill {slave}', target)).toEqual({
    kind: 'refused',
    why: '{slave}: broker-a has no slave',
  })
})
