//! Arithmetic, comparison and logic.

use hcl_edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOp, UnaryOperator};

use super::Evaluator;
use crate::diagnostic::Code;
use crate::value::{Number, NumberError, Value};

impl Evaluator<'_> {
    pub(super) fn unary(&mut self, operation: &UnaryOp) -> Option<Value> {
        match operation.operator.value() {
            UnaryOperator::Neg => {
                self.number_of(&operation.expr).map(|number| Value::Number(number.negate()))
            }
            UnaryOperator::Not => self.bool_of(&operation.expr).map(|value| Value::Bool(!value)),
        }
    }

    pub(super) fn binary(&mut self, operation: &BinaryOp) -> Option<Value> {
        let (left, right) = (&operation.lhs_expr, &operation.rhs_expr);
        match operation.operator.value() {
            BinaryOperator::Eq => self.equal(operation).map(Value::Bool),
            BinaryOperator::NotEq => self.equal(operation).map(|equal| Value::Bool(!equal)),
            BinaryOperator::And => match self.bool_of(left)? {
                true => self.bool_of(right).map(Value::Bool),
                false => Some(Value::Bool(false)),
            },
            BinaryOperator::Or => match self.bool_of(left)? {
                false => self.bool_of(right).map(Value::Bool),
                true => Some(Value::Bool(true)),
            },
            operator => {
                let numbers = (self.number_of(left), self.number_of(right));
                let (Some(left), Some(right)) = numbers else { return None };
                match calculate(*operator, &left, &right) {
                    Ok(value) => Some(value),
                    Err(error) => {
                        let span = self.span(operation);
                        self.report(Code::FunctionFailed, span, error.to_string())
                    }
                }
            }
        }
    }

    fn equal(&mut self, operation: &BinaryOp) -> Option<bool> {
        let values = (self.expression(&operation.lhs_expr), self.expression(&operation.rhs_expr));
        let (Some(left), Some(right)) = values else { return None };
        let equal = left.equals(&right);
        if equal.is_none() {
            let span = self.span(operation);
            self.refuse_secret(span);
        }
        equal
    }

    pub(super) fn bool_of(&mut self, expression: &Expression) -> Option<bool> {
        let value = self.expression(expression)?;
        self.converted(value.to_bool(), &value, expression)
    }

    fn number_of(&mut self, expression: &Expression) -> Option<Number> {
        let value = self.expression(expression)?;
        self.converted(value.to_number(), &value, expression)
    }
}

fn calculate(operator: BinaryOperator, left: &Number, right: &Number) -> Result<Value, NumberError> {
    let number = match operator {
        BinaryOperator::Plus => left.add(right)?,
        BinaryOperator::Minus => left.subtract(right)?,
        BinaryOperator::Mul => left.multiply(right)?,
        BinaryOperator::Div => left.divide(right)?,
        BinaryOperator::Mod => left.remainder(right)?,
        BinaryOperator::Less => return Ok(Value::Bool(left < right)),
        BinaryOperator::LessEq => return Ok(Value::Bool(left <= right)),
        BinaryOperator::Greater => return Ok(Value::Bool(left > right)),
        BinaryOperator::GreaterEq => return Ok(Value::Bool(left >= right)),
        BinaryOperator::Eq => return Ok(Value::Bool(left == right)),
        BinaryOperator::NotEq => return Ok(Value::Bool(left != right)),
        BinaryOperator::And | BinaryOperator::Or => return Ok(Value::Bool(false)),
    };
    Ok(Value::Number(number))
}
