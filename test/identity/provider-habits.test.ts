import { expect, it } from 'vitest';
import { habitsOf } from '../../src/identity/provider-habits.ts';

it('knows that Google takes no prompt=login and tells no auth_time', () => {
  expect(habitsOf({ issuer: 'https://accounts.google.com' })).toEqual({
    prompts: ['none', 'consent', 'select_account'],
    freshSignIn: 'arrival',
  });
});

it('believes auth_time alone of everybody else, and what the source’s administrators say', () => {
  expect(habitsOf({ issuer: 'https://id.example' })).toEqual({ freshSignIn: 'auth_time' });
  expect(habitsOf({ issuer: 'https://id.example', freshSignIn: 'arrival' }).freshSignIn).toBe('arrival');
  expect(habitsOf({ issuer: 'https://accounts.google.com', freshSignIn: 'auth_time' }).freshSignIn).toBe(
    'auth_time',
  );
});
