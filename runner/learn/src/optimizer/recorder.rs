//! A formula written down as a program, which a kernel is compiled from.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::rc::Rc;

use runner_experiment::optimizer::{Formula, Values};
use runner_network::on_device::optimizer::{Instruction, Operation, Program};

/// What is written down: the operations, and their numbers.
#[derive(Debug, Default)]
struct Tape {
    /// Parameter, gradient and slots.
    inputs: usize,
    instructions: Vec<Instruction>,
    numbers: Vec<f32>,
}

/// A value that a formula computes with: a register of the program.
#[derive(Debug, Clone)]
struct Register {
    tape: Rc<RefCell<Tape>>,
    index: usize,
}

/// The program of a formula, and its numbers. The programs of two steps are the same; their numbers
/// may differ.
pub(super) fn record<const SLOTS: usize, F: Formula<SLOTS>>(formula: F) -> (Program, Vec<f32>) {
    let tape = Rc::new(RefCell::new(Tape { inputs: 2 + SLOTS, ..Tape::default() }));
    let register = |index| Register { tape: Rc::clone(&tape), index };
    let slots = std::array::from_fn(|slot| register(2 + slot));
    let (step, state) = formula.step(register(0), register(1), slots);
    let tape = tape.borrow();
    let program = Program {
        instructions: tape.instructions.clone(),
        numbers: tape.numbers.len(),
        step: step.index,
        state: state.iter().map(|register| register.index).collect(),
    };
    (program, tape.numbers.clone())
}

impl Register {
    fn write(self, operation: Operation, second: usize) -> Self {
        let mut tape = self.tape.borrow_mut();
        tape.instructions.push(Instruction { operation, first: self.index, second });
        let index = tape.inputs + tape.instructions.len() - 1;
        drop(tape);
        Self { index, ..self }
    }

    fn with_number(self, operation: Operation, number: f32) -> Self {
        let place = {
            let mut tape = self.tape.borrow_mut();
            tape.numbers.push(number);
            tape.numbers.len() - 1
        };
        self.write(operation, place)
    }
}

impl Values for Register {
    fn sqrt(self) -> Self {
        self.write(Operation::Root, 0)
    }

    fn square(self) -> Self {
        self.write(Operation::Square, 0)
    }

    fn sign(self) -> Self {
        self.write(Operation::Sign, 0)
    }
}

impl Neg for Register {
    type Output = Self;
    fn neg(self) -> Self {
        self.write(Operation::Negate, 0)
    }
}

/// Operations with another value.
macro_rules! with_value {
    ($($operation:ident: $function:ident as $name:ident),*) => {$(
        impl $operation for Register {
            type Output = Self;
            fn $function(self, other: Self) -> Self {
                self.write(Operation::$name, other.index)
            }
        }
    )*};
}

with_value!(Add: add as Add, Sub: sub as Subtract, Mul: mul as Multiply, Div: div as Divide);

impl Add<f32> for Register {
    type Output = Self;
    fn add(self, number: f32) -> Self {
        self.with_number(Operation::AddNumber, number)
    }
}

impl Mul<f32> for Register {
    type Output = Self;
    fn mul(self, number: f32) -> Self {
        self.with_number(Operation::MultiplyNumber, number)
    }
}

#[cfg(test)]
mod tests {
    use runner_experiment::optimizer::{StepContext, WithFormula};
    use runner_experiment::plan::{Adagrad, Adam, Lamb, Lion, Rmsprop, Rule, Sgd};

    use super::*;

    /// What a kernel computes.
    fn run(program: &Program, numbers: &[f32], inputs: &[f32]) -> Vec<f32> {
        let mut registers = inputs.to_vec();
        for Instruction { operation, first, second } in &program.instructions {
            let a = registers[*first];
            let b = registers.get(*second).copied().unwrap_or(f32::NAN);
            registers.push(match operation {
                Operation::Add => a + b,
                Operation::Subtract => a - b,
                Operation::Multiply => a * b,
                Operation::Divide => a / b,
                Operation::AddNumber => a + numbers[*second],
                Operation::MultiplyNumber => a * numbers[*second],
                Operation::Negate => -a,
                Operation::Root => a.sqrt(),
                Operation::Square => a * a,
                Operation::Sign => Values::sign(a),
            });
        }
        let outputs = std::iter::once(&program.step).chain(&program.state);
        outputs.map(|register| registers[*register]).collect()
    }

    struct Same;

    impl WithFormula for Same {
        type Output = Program;
        fn with<const SLOTS: usize, F: Formula<SLOTS>>(self, formula: F) -> Program {
            let (program, numbers) = record(formula);
            for (value, gradient) in [(1.5, 0.25), (-2.0, -1e-3), (0.0, 0.0)] {
                let slots = std::array::from_fn(|slot| 0.125 + slot as f32);
                let (step, state) = formula.step(value, gradient, slots);
                let expected: Vec<u32> =
                    std::iter::once(step).chain(state).map(f32::to_bits).collect();
                let inputs = [&[value, gradient][..], &slots[..]].concat();
                let found = run(&program, &numbers, &inputs);
                assert_eq!(found.into_iter().map(f32::to_bits).collect::<Vec<_>>(), expected);
            }
            program
        }
    }

    #[test]
    fn a_program_computes_the_bits_of_its_formula_and_stays_the_same() {
        let rules = [
            Rule::Rmsprop(Rmsprop::default()),
            Rule::Rmsprop(Rmsprop { momentum: 0.9, ..Rmsprop::default() }),
            Rule::Sgd(Sgd { momentum: 0.9, nesterov: true }),
            Rule::Adam(Adam::default()),
            Rule::Adagrad(Adagrad::default()),
            Rule::Lion(Lion::default()),
            Rule::Lamb(Lamb::default()),
        ];
        for rule in rules {
            let at = |steps, learning_rate| StepContext { learning_rate, steps, weight_decay: 0.1 };
            let first = rule.formula(at(1, 0.1), Same);
            assert_eq!(first, rule.formula(at(7, 0.02), Same), "{rule:?}");
        }
    }
}
