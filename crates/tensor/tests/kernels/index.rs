use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::common::*;

/// An index with the entry of one axis replaced.
fn with(index: &[usize], axis: usize, entry: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = entry;
    index
}

fn shape_with(shape: &[usize], axis: usize, extent: usize) -> Vec<usize> {
    with(shape, axis, extent)
}

proptest! {
    #[test]
    fn concat_and_slice_are_inverse(
        (shape, axis) in shape_and_axis(),
        extents in prop::collection::vec(0usize..4, 1..4),
        seed: u64,
    ) {
        let part = |(i, &extent): (usize, &usize)| {
            values::<f64>(&shape_with(&shape, axis, extent), seed ^ i as u64)
        };
        let parts: Vec<Tensor<f64>> = extents.iter().enumerate().map(part).collect();
        let whole = Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis as isize);
        prop_assert_eq!(whole.shape()[axis], extents.iter().sum::<usize>());
        let mut start = 0;
        for part in &parts {
            let extent = part.shape()[axis];
            let expected = from_indices(part.shape(), |i| whole[&with(i, axis, i[axis] + start)[..]]);
            assert_same(part, &expected);
            assert_same(&whole.slice(axis as isize, start..start + extent), part);
            start += extent;
        }
    }

    #[test]
    fn stack_and_index_are_inverse(shape in shapes(), count in 1usize..4, axis: usize, seed: u64) {
        let parts: Vec<_> = (0..count).map(|i| values::<f32>(&shape, seed ^ i as u64)).collect();
        let axis = axis % (shape.len() + 1);
        let from_end = axis as isize - (shape.len() as isize + 1);
        let stacked = Tensor::stack(&parts.iter().collect::<Vec<_>>(), from_end);
        prop_assert_eq!(stacked.shape()[axis], count);
        for (i, part) in parts.iter().enumerate() {
            let at = |index: &[usize]| stacked[&[&index[..axis], &[i], &index[axis..]].concat()[..]];
            assert_same(part, &from_indices(&shape[..], at));
        }
    }

    #[test]
    fn split_parts_join_to_the_whole((shape, axis) in shape_and_axis(), seed: u64) {
        let x = values::<f64>(&shape_with(&shape, axis, shape[axis] * 3), seed);
        let split: [_; 3] = x.split(axis as isize);
        prop_assert!(split.iter().all(|part| part.shape()[..] == shape[..]));
        assert_same(&Tensor::concat(&split, axis as isize), &x);
    }

    #[test]
    fn slices_are_written_in_place(
        (shape, axis) in shape_and_axis(),
        (before, after) in (0usize..3, 0usize..3),
        seed: u64,
    ) {
        let part = values::<f64>(&shape, seed);
        let whole = values::<f64>(&shape_with(&shape, axis, before + shape[axis] + after), seed ^ 1);
        let within = |index: &[usize]| {
            let entry = index[axis].checked_sub(before).filter(|&entry| entry < shape[axis])?;
            Some(part[&with(index, axis, entry)[..]])
        };
        let mut actual = whole.clone();
        actual.set_slice(axis as isize, before, &part);
        let expected = from_indices(whole.shape(), |i| within(i).unwrap_or(whole[i]));
        assert_same(&actual, &expected);
        let mut actual = whole.clone();
        actual.add_slice(axis as isize, before, &part);
        let expected =
            from_indices(whole.shape(), |i| within(i).map_or(whole[i], |x| whole[i] + x));
        assert_same(&actual, &expected);
    }

    #[test]
    fn rows_are_gathered_and_scattered(
        (shape, _) in shape_and_axis(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        seed: u64,
    ) {
        prop_assume!(shape[0] > 0);
        let x = values::<f64>(&shape, seed);
        let indices: Vec<usize> = picks.iter().map(|pick| pick.index(shape[0])).collect();
        let gathered = x.gather_rows(&indices);
        let expected = from_indices(gathered.shape(), |i| x[&with(i, 0, indices[i[0]])[..]]);
        assert_same(&gathered, &expected);
        prop_assert_eq!(gathered.shape()[0], indices.len());

        let mut actual = x.clone();
        actual.scatter_add_rows(&indices, &gathered);
        let one_hot = Tensor::one_hot(&indices, shape[0]);
        let count = one_hot.sum(&[0]);
        let expected = from_indices(&shape[..], |i| x[i] * (1.0 + count[&i[..1][..]]));
        assert_close(&actual, &expected, 1e-14);
        let row = |i: &[usize]| f64::from(indices[i[0]] == i[1]);
        assert_same(&one_hot, &from_indices([indices.len(), shape[0]], row));
    }

    #[test]
    fn axes_are_permuted((shape, order) in shapes().prop_flat_map(|shape| {
        let order: Vec<usize> = (0..shape.len()).collect();
        (Just(shape), Just(order).prop_shuffle())
    }), seed: u64) {
        let x = values::<f32>(&shape, seed);
        let permuted_shape: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let expected = from_indices(permuted_shape, |i| {
            let mut source = vec![0; i.len()];
            order.iter().zip(i).for_each(|(&axis, &entry)| source[axis] = entry);
            x[&source[..]]
        });
        assert_same(&x.permute(&order), &expected);
        let mut inverse = vec![0; order.len()];
        order.iter().enumerate().for_each(|(i, &axis)| inverse[axis] = i);
        assert_same(&x.permute(&order).permute(&inverse), &x);
    }

    #[test]
    fn two_axes_are_swapped((shape, a) in shape_and_axis(), b: usize, seed: u64) {
        let b = b % shape.len();
        let x = values::<f32>(&shape, seed);
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.swap(a, b);
        assert_same(&x.transpose(a as isize, b as isize - shape.len() as isize), &x.permute(&order));
    }
}

/// Matrices exceed a block and a thread's share, and the sizes are no multiples of either.
#[test]
fn large_matrices_are_transposed() {
    for shape in [[2, 517, 131], [1, 33, 4099], [1, 4099, 33]] {
        let x = values::<f32>(&shape, 5);
        let expected = from_indices([shape[0], shape[2], shape[1]], |i| x[[i[0], i[2], i[1]]]);
        assert_same(&x.transpose(1, 2), &expected);
        let expected = from_indices([shape[2], shape[1], shape[0]], |i| x[[i[2], i[1], i[0]]]);
        assert_same(&x.permute(&[2, 1, 0]), &expected);
        let expected = from_indices([shape[1], shape[0], shape[2]], |i| x[[i[1], i[0], i[2]]]);
        assert_same(&x.permute(&[1, 0, 2]), &expected);
    }
}

/// Parts have more rows than one thread's share.
#[test]
fn large_parts_are_copied() {
    let (a, b) = (values::<f32>(&[1000, 151], 1), values::<f32>(&[1000, 150], 2));
    let whole = Tensor::concat(&[&a, &b], 1);
    let at = |i: &[usize]| if i[1] < 151 { a[i] } else { b[[i[0], i[1] - 151]] };
    assert_same(&whole, &from_indices([1000, 301], at));
    assert_same(&whole.slice(1, 0..151), &a);

    let mut sum = whole.clone();
    sum.add_slice(1, 151, &b);
    assert_same(&sum, &Tensor::concat(&[&a, &(&b + &b)], 1));

    let indices: Vec<usize> = (0..900).map(|i| (i * 37) % 1000).collect();
    let gathered = whole.gather_rows(&indices);
    assert_same(&gathered, &from_indices([900, 301], |i| whole[&[indices[i[0]], i[1]][..]]));
}

#[test]
fn a_slice_along_axis_0_shares() {
    let x = Tensor::<f64>::zeros([4, 3]);
    assert_eq!(x.slice(0, 1..3).as_slice().as_ptr(), x.as_slice()[3..].as_ptr());
    let [_, second] = x.split(0);
    assert_eq!(second.as_slice().as_ptr(), x.as_slice()[6..].as_ptr());
}

#[test]
fn padded_is_zeros_with_the_part_added() {
    let part = Tensor::from_fn([2, 3], |i| i as f64 + 1.0);
    for (shape, axis, start) in [([5, 3], 0, 2), ([2, 7], 1, 3), ([2, 3], 0, 0)] {
        let mut expected = Tensor::zeros(shape);
        expected.add_slice(axis, start, &part);
        assert_eq!(Tensor::padded(shape, axis, start, &part), expected);
    }
    let row = Tensor::from_fn([200_000], |i| i as f32); // long enough for several threads
    let padded = Tensor::padded([200_010], 0, 7, &row);
    assert_eq!(padded.slice(0, 7..200_007), row);
    assert_eq!((padded[[6]], padded[[200_007]]), (0.0, 0.0));
}

#[test]
fn only_the_sole_owner_of_a_buffer_gets_to_write_it() {
    let mut x = Tensor::from_vec([3], vec![1.0_f64, 2.0, 3.0]);
    x.get_mut().expect("nobody shares it")[1] = 5.0;
    let other = x.clone();
    assert!(x.get_mut().is_none());
    drop(other);
    assert_eq!(x.get_mut().map(|elements| elements.to_vec()), Some(vec![1.0, 5.0, 3.0]));
}

#[test]
fn an_unknown_tensor_has_a_shape_and_no_elements() {
    let x = Tensor::<f32>::unknown([2, 3]);
    assert!(x.is_unknown() && x.shape() == &[2, 3]);
    assert!(!Tensor::<f32>::zeros([2, 3]).is_unknown());
    assert!(!Tensor::<f32>::unknown([0, 3]).is_unknown()); // it has no elements to know
    assert!(std::panic::catch_unwind(|| x.as_slice().len()).is_err());
}
