use super::*;
use crate::Integer;
use crate::value::{Value, ValueRef};

fn state_of<'io>(options: &Options, input: &'io [u8], output: &'io mut Vec<u8>) -> State<'io> {
    let sizes = Sizes { flat: FLAT_LEAST, stack: 1 << 16, calls: 1 << 16, rest: 1 << 20 };
    State::with_sizes(options, Channels::new(input, output), sizes).expect("address space")
}

fn big() -> Integer {
    Integer::ONE << 70
}

#[test]
fn big_values_move_with_their_places_and_are_counted() {
    let mut output = Vec::new();
    let mut state = state_of(&Options::default(), b"", &mut output);
    for value in [Value::Small(MARK), Value::Big(big()), Value::Small(1), Value::Big(-big())] {
        state.push(value).expect("room");
    }
    assert_eq!(state.big_values(), 2);
    assert_eq!(state.item(0), Some(ValueRef::Big(&-big())));
    assert_eq!(state.item(3), Some(ValueRef::Small(MARK)));
    assert_eq!(state.item(4), None);
    assert!(state.set_item(2, Value::Small(MARK)));
    assert_eq!((state.item(2), state.big_values()), (Some(ValueRef::Small(MARK)), 1));
    assert_eq!(state.pop(), Some(Value::Big(-big())));
    state.push(Value::Big(big())).expect("room");
    state.remove_items(2);
    assert_eq!((state.height(), state.big_values()), (2, 0));
    state.remove_items(9);
    assert_eq!(state.pop(), None);
}

#[test]
fn cells_of_all_kinds_of_keys_hold_values_of_all_sizes() {
    let keys = [0, -1, -65536, -65537, 65535, 65536, 1 << 30, i64::MIN, i64::MAX].map(Integer::from);
    for heap in [Heap::Zero, Heap::Error] {
        let options = Options { heap, ..Options::default() };
        let mut output = Vec::new();
        let mut state = state_of(&options, b"", &mut output);
        for key in keys.iter().cloned().chain([big(), -big()]).map(Value::from) {
            let key = key.as_ref();
            assert_eq!(state.load(key).is_err(), heap == Heap::Error);
            for value in [5.into(), big(), Integer::from(MARK), -big(), big(), 7.into()].map(Value::from) {
                state.store(key, value.clone()).expect("room");
                assert_eq!(state.load(key), Ok(value.as_ref()));
            }
            assert_eq!(state.big_values(), 0);
        }
        let cells = state.heap();
        assert_eq!(cells.len(), keys.len() + 2);
        assert!(
            cells.is_sorted_by_key(|(key, _)| key)
                && cells.iter().all(|(_, value)| *value == Value::Small(7))
        );
        state.store(ValueRef::Small(3), Value::Small(0)).expect("room");
        assert_eq!(state.heap().len() - cells.len(), usize::from(heap == Heap::Error));
    }
}

#[test]
fn the_largest_key_decides_under_wspace() {
    let options = Options { heap: Heap::Wspace, ..Options::default() };
    let mut output = Vec::new();
    let mut state = state_of(&options, b"", &mut output);
    let unset = |key: i64| Err(FaultKind::HeapUnset { key: key.into() });
    assert_eq!(state.load(ValueRef::Small(0)), unset(0));
    state.store(ValueRef::Small(100_000), Value::Small(1)).expect("room");
    assert_eq!(state.load(ValueRef::Small(99_999)), Ok(ValueRef::Small(0)));
    assert_eq!(state.load(ValueRef::Small(100_001)), unset(100_001));
    let negative = Err(FaultKind::HeapKey { key: (-1).into() });
    assert_eq!(state.load(ValueRef::Small(-1)), negative);
    assert_eq!(state.store(ValueRef::Small(-1), Value::Small(1)).map(|()| ValueRef::Small(0)), negative);
    state.store(ValueRef::Big(&big()), Value::Small(1)).expect("room");
    assert_eq!(state.load(ValueRef::Small(i64::MAX)), Ok(ValueRef::Small(0)));
    assert_eq!(state.load(ValueRef::Big(&(big() - 1))), Ok(ValueRef::Small(0)));
    assert!(state.load(ValueRef::Big(&(big() + 1))).is_err());
}

#[test]
fn limits_hold_exactly() {
    let limits = Limits { steps: None, stack: Some(2), heap: Some(2), calls: Some(1), output: Some(3) };
    let options = Options { limits, ..Options::default() };
    let mut output = Vec::new();
    let mut state = state_of(&options, b"", &mut output);
    let limit = |resource, limit| Err(FaultKind::Limit { resource, limit });
    state.push(Value::Small(1)).expect("room");
    state.push(Value::Small(2)).expect("room");
    assert_eq!(state.push(Value::Big(big())), limit(Resource::Stack, 2));
    assert_eq!((state.height(), state.big_values()), (2, 0));
    state.push_call(7).expect("room");
    assert_eq!(state.push_call(8), limit(Resource::Calls, 1));
    assert_eq!(state.calls(), [7]);
    assert_eq!((state.pop_call(), state.pop_call()), (Some(7), None));
    for key in [1, i64::MAX, 1] {
        state.store(ValueRef::Small(key), Value::Small(5)).expect("room");
    }
    assert_eq!(state.store(ValueRef::Small(2), Value::Small(5)), limit(Resource::Heap, 2));
    state.write(b"ab").expect("room");
    assert_eq!(state.write(b"cd"), limit(Resource::Output, 3));
    state.write(b"c").expect("room");
    assert_eq!(state.write(b"d"), limit(Resource::Output, 3));
    state.flush().expect("a vector");
    assert_eq!(state.write(b"d"), limit(Resource::Output, 3));
    drop(state);
    assert_eq!(output, b"abc");
}

#[test]
fn memory_is_limited_too() {
    let mut output = Vec::new();
    let mut state = state_of(&Options::default(), b"", &mut output);
    let memory = |limit| FaultKind::Limit { resource: Resource::Memory, limit };
    while state.push(Value::Small(1)).is_ok() {}
    assert_eq!((state.height(), state.push(Value::Small(1))), (1 << 16, Err(memory(8 << 16))));
    while state.push_call(1).is_ok() {}
    assert_eq!((state.calls().len(), state.push_call(1)), (1 << 16, Err(memory(4 << 16))));
    let mut key = i64::MIN;
    while state.store(ValueRef::Small(key), Value::Small(1)).is_ok() {
        key += 1;
    }
    assert_eq!(state.store(ValueRef::Small(key), Value::Small(1)), Err(memory(1 << 20)));
    state.store(ValueRef::Small(5), Value::Small(1)).expect("flat cells are not counted");
}

#[test]
fn input_is_used_where_the_reader_holds_it_and_no_further() {
    let mut input = &b"ab\n\ncd"[..];
    let mut output = Vec::new();
    let mut state =
        State::new(&Options::default(), Channels::new(&mut input, &mut output)).expect("address space");
    assert_eq!(state.peek_byte(), Ok(Some(b'a')));
    state.take_byte();
    let mut line = Vec::new();
    assert_eq!(state.take_line(&mut line), Ok(true));
    assert_eq!(line, b"b");
    assert_eq!(state.take_line(&mut line), Ok(true));
    assert_eq!(line, b"b");
    state.return_input();
    assert_eq!(state.peek_byte(), Ok(Some(b'c')));
    state.return_input();
    drop(state);
    assert_eq!(input, b"cd");
}

#[test]
fn steps_are_counted_from_what_is_left() {
    let mut output = Vec::new();
    let mut state = state_of(&Options::default(), b"", &mut output);
    state.grant_steps(10);
    state.take_steps(3);
    assert_eq!((state.steps(), state.steps_left()), (3, 7));
    state.grant_steps(u64::MAX);
    state.take_steps(1);
    assert_eq!(state.steps(), 4);
}
